using Multiplex.Engine;

namespace Multiplex.Tests.Engine;

/// <summary>A thread spins before it sleeps only where that finds work.</summary>
public class AdaptiveSpinTests
{
    private const int MostMisses = 8, TryEach = 16;

    private static readonly TimeSpan s_long = Eventually.Deadline;

    [Test]
    public void No_time_is_never_looked_for()
    {
        AdaptiveSpin spin = new(TimeSpan.Zero);
        Assert.That(Enumerable.Range(0, 100).Select(_ => spin.Begins()), Has.None.True);
    }

    [Test]
    public void A_look_ends_with_its_time()
    {
        AdaptiveSpin spin = new(TimeSpan.FromMilliseconds(1));
        Assert.That(spin.Begins(), Is.True);
        Eventually.Holds(() => !spin.GoesOn(), "it goes on");
        AdaptiveSpin patient = new(s_long);
        Assert.That((patient.Begins(), patient.GoesOn()), Is.EqualTo((true, true)));
    }

    [Test]
    public void What_finds_nothing_several_times_in_a_row_is_tried_now_and_then_and_goes_on_once_it_finds_something()
    {
        AdaptiveSpin spin = new(s_long);
        for (int i = 0; i < 100; i++)
        {
            Assert.That(spin.Begins(), Is.True, "it found something the last time");
            spin.End(found: i % MostMisses == 0);
        }

        bool[] looks = [.. Enumerable.Range(0, 20 * TryEach).Select(_ => Wait(spin, found: false))];
        Assert.That(looks.Count(looked => looked), Is.InRange(MostMisses, MostMisses + 20 + 1));
        Assert.That(looks[^TryEach..].Count(looked => looked), Is.EqualTo(1));
        while (!Wait(spin, found: true))
        {
            // The next try.
        }

        Assert.That(spin.Begins(), Is.True);
    }

    private static bool Wait(AdaptiveSpin spin, bool found)
    {
        if (!spin.Begins())
            return false;
        spin.End(found);
        return true;
    }
}
