using FsCheck;
using Multiplex.Load.Nats;
using Multiplex.Load.Nats.Coordinating;
using FsCheckProperty = FsCheck.NUnit.PropertyAttribute;

namespace Multiplex.Tests.Load.Agents;

/// <summary>Clocks are agreed on within a bound that holds, whatever the ways there and back take.</summary>
public class ClockOffsetTests
{
    [FsCheckProperty]
    public void The_error_is_within_its_bound(int apart, NonEmptyArray<(ushort There, ushort Back)> trips)
    {
        long ahead = apart * 1_000_000L, now = 5_000_000_000;
        List<(long, long, long)> seen = [];
        foreach ((ushort there, ushort back) in trips.Get)
        {
            seen.Add((now, now + there + ahead, now + there + back));
            now += there + back + 1_000;
        }

        ClockOffset clock = ClockOffset.Of(seen);
        Assert.That(Math.Abs(clock.ToAgent(now) - (now + ahead)), Is.LessThanOrEqualTo(clock.ErrorNs));
        Assert.That(clock.ErrorNs, Is.LessThanOrEqualTo((trips.Get.Min(trip => trip.There + trip.Back) + 1) / 2));
        Assert.That(clock.LongestRoundTripNs, Is.EqualTo(trips.Get.Max(trip => trip.There + trip.Back)));
    }

    [Test]
    public void The_bound_grows_as_both_clocks_may_drift()
    {
        ClockOffset clock = ClockOffset.Of([(0, 100, 200)]);
        Assert.That(clock.ErrorAt(100 + 1_000_000_000), Is.EqualTo(100 + 1_000_000), "500 parts in a million each");
    }

    [Test]
    public void The_running_clock_stands_still_while_the_process_does_not_run()
    {
        const long Second = 1_000_000_000;
        RunningClock clock = new(7 * Second);
        Assert.That(clock.Tick((7 * Second) + (Second / 10)), Is.EqualTo(Second / 10));
        Assert.That(clock.Tick(70 * Second), Is.EqualTo(Second / 5), "it was stopped for a minute");
        Assert.That(clock.Tick((70 * Second) + 5), Is.EqualTo((Second / 5) + 5));
        Assert.That(clock.Now, Is.EqualTo((Second / 5) + 5));
    }
}
