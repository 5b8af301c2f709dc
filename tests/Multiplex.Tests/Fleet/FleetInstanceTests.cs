using Multiplex.Fleet;
using Multiplex.Sockets;

namespace Multiplex.Tests.Fleet;

/// <summary>Which server of a fleet gets the next call.</summary>
public sealed class FleetInstanceTests
{
    private FleetInstance[] _all = [];

    [SetUp]
    public void Make() => _all = [.. Enumerable.Range(1, 3).Select(port => new FleetInstance(Endpoint.Parse($"tcp://127.0.0.1:{port}")))];

    [Test]
    public void It_is_the_one_with_the_fewest_calls_and_of_equals_the_one_whose_turn_it_is()
    {
        (_all[0].InFlight, _all[1].InFlight, _all[2].InFlight) = (2, 1, 1);
        Assert.That(Least(0, now: 100), Is.EqualTo(1));
        Assert.That(Least(2, now: 100), Is.EqualTo(2));
    }

    [Test]
    public void One_whose_call_timed_out_is_the_last_for_5_s_or_until_a_call_succeeds()
    {
        (_all[0].InFlight, _all[1].InFlight, _all[2].InFlight) = (1, 5, 9);
        _all[0].Doubt(now: 100);
        Assert.That((Least(0, now: 100), Least(0, now: 5099), Least(0, now: 5100)), Is.EqualTo((1, 1, 0)));
        _all[0].Doubt(now: 6000);
        Assert.That(Least(0, now: 6000), Is.EqualTo(1));
        _all[0].Trust();
        Assert.That(Least(0, now: 6000), Is.Zero);
    }

    [Test]
    public void If_there_is_no_other_it_is_called_and_one_that_rests_is_not()
    {
        foreach (FleetInstance one in _all)
            one.Doubt(now: 100);
        _all[2].InFlight = 1;
        Assert.That((Least(0, now: 100), Least(1, now: 100)), Is.EqualTo((0, 1)));
        _all[0].Rest(now: 100);
        _all[1].Rest(now: 100);
        Assert.That((Least(0, now: 100), Least(0, now: 1100)), Is.EqualTo((2, 0)));
        _all[2].Rest(now: 100);
        Assert.That(Least(0, now: 100), Is.Null);
    }

    private int? Least(int turn, long now) => FleetInstance.Least(_all, turn, now) is { } one ? Array.IndexOf(_all, one) : null;
}
