using Multiplex.Load.Nats.Coordinating;
using Multiplex.Load.Measuring;
using Multiplex.Load.Merging;

namespace Multiplex.Tests.Load.Agents;

/// <summary>An agent that is missing or lags is named.</summary>
public class RunWatchTests
{
    private const long Second = 1_000_000_000;

    private static readonly TimeSpan s_silence = TimeSpan.FromSeconds(5), s_duration = TimeSpan.FromSeconds(2.5);

    [Test]
    public void One_that_is_not_heard_is_named_and_one_that_has_ended_is_not()
    {
        RunWatch watch = new(["a", "b", "c"], s_silence, 0);
        Assert.That(watch.Silent(5 * Second), Is.Null);
        watch.Heard(0, 3 * Second);
        watch.Ended(2);
        Assert.That(watch.Silent(6 * Second), Is.EqualTo("agent b was not heard for 5 s"));
        Assert.That(watch.Silent(9 * Second), Is.EqualTo("agents a, b were not heard for 5 s"));
    }

    [Test]
    public void One_that_is_heard_and_does_not_tell_its_seconds_lags()
    {
        RunWatch watch = new(["a", "b"], s_silence, 0);
        LoadMerger merger = new([true, true]);
        long began = 10 * Second;
        Assert.That(Lagging(began + (6 * Second)), Is.Null, "second 0 ends at 1, and may come until 6");
        Assert.That(Lagging(began + (6 * Second) + 1), Is.EqualTo("agent a lags: its second 0 has not come 5 s after its end"));
        merger.Add(0, Empty(0));
        Assert.That(Lagging(began + (6 * Second) + 1), Is.EqualTo("agent b lags: its second 0 has not come 5 s after its end"));
        merger.Add(1, Empty(0));
        merger.Add(1, Empty(1));
        Assert.That(Lagging(began + (7 * Second)), Is.Null);
        Assert.That(Lagging(began + (7 * Second) + 1), Is.EqualTo("agent a lags: its second 1 has not come 5 s after its end"));
        merger.Add(0, Empty(1));
        Assert.That(Lagging(began + (8 * Second)), Is.Null, "the third second is none: it ends after half of it");
        Assert.That(Lagging(began + (9 * Second)), Is.EqualTo("agent a lags: its result has not come 5 s after the end"));
        watch.Ended(0);
        Assert.That(Lagging(began + (9 * Second)), Is.EqualTo("agent b lags: its result has not come 5 s after the end"));

        string? Lagging(long now) => watch.Lagging(now, began, s_duration, merger);
    }

    private static SecondData Empty(int second) => new(second, IsAfterEnd: false, 1, 0, 0, 0, 0, HistogramData.Of(new LatencyHistogram()));
}
