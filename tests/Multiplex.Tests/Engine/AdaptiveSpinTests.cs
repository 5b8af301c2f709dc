using Multiplex.Engine;

namespace Multiplex.Tests.Engine;

/// <summary>A thread spins before it sleeps only where that finds work.</summary>
public class AdaptiveSpinTests
{
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
    public void What_finds_nothing_8_times_in_a_row_looks_at_each_16th_wait_until_it_finds_something()
    {
        AdaptiveSpin spin = new(s_long);
        Assert.That(Looks(spin, waits: 60, finds: 0), Is.EqualTo(new[] { 1, 2, 3, 4, 5, 6, 7, 8, 24, 40, 56 }));
        Assert.That(Looks(spin, waits: 12, finds: 1), Is.EqualTo(new[] { 12 }), "the 72nd wait, which finds something");
        Assert.That(Looks(spin, waits: 40, finds: 0), Is.EqualTo(new[] { 1, 2, 3, 4, 5, 6, 7, 8, 24, 40 }));
    }

    [Test]
    public void One_that_finds_something_each_8th_time_always_looks()
    {
        AdaptiveSpin spin = new(s_long);
        for (int i = 0; i < 20; i++)
        {
            Assert.That(Looks(spin, waits: 7, finds: 0), Has.Length.EqualTo(7));
            Assert.That(Looks(spin, waits: 1, finds: 1), Has.Length.EqualTo(1));
        }
    }

    // The waits, numbered from 1, that begin by looking. The first so many looks find something.
    private static int[] Looks(AdaptiveSpin spin, int waits, int finds)
    {
        List<int> looks = [];
        for (int wait = 1; wait <= waits; wait++)
        {
            if (!spin.Begins())
                continue;
            looks.Add(wait);
            spin.End(found: looks.Count <= finds);
        }

        return [.. looks];
    }
}
