using Multiplex.Observing;

namespace Multiplex.Tests.Serving;

/// <summary>A limit that is reached is reported once in a while, with a count.</summary>
[NonParallelizable]
public class LimitReportsTests
{
    private readonly List<string> _reports = [];
    private Action<EventLevel, string, string> _before = static (_, _, _) => { };

    [SetUp]
    public void Listen()
    {
        _reports.Clear();
        _before = ServerEvents.Report;
        ServerEvents.Report = (level, name, text) =>
        {
            if (name == "limit_reached")
                _reports.Add($"{level} {text}");
        };
    }

    [TearDown]
    public void Restore() => ServerEvents.Report = _before;

    [Test]
    public void Many_refusals_are_one_line_and_another_limit_has_its_own()
    {
        using ServerCounters counters = new();
        counters.ReportLimits();
        for (int i = 0; i < 1000; i++)
            counters.Increment(Counter.Refused);
        counters.Add(Counter.CutOff, 3);
        counters.Add(Counter.MemoryClosed, 0);
        counters.Increment(Counter.Accepted);
        counters.Increment(Counter.ReplyCacheEvictions);
        Assert.That(_reports, Has.Count.EqualTo(3));
        Assert.That(_reports[0], Is.EqualTo("Warning 1 connections refused: too many were open, or no descriptor was left (Refused is 1)"));
        Assert.That(_reports[1], Does.StartWith("Warning 3 connections cut off").And.EndWith("(CutOff is 3)"));
        Assert.That(_reports[2], Does.EndWith("(ReplyCacheEvictions is 1)"));
    }

    [Test]
    public void A_reply_store_that_is_not_reached_and_calls_whose_outcome_is_unknown_are_reported()
    {
        using ServerCounters counters = new();
        counters.ReportLimits();
        foreach (Counter counter in (Counter[])[Counter.StoreFailures, Counter.StoreUnknown, Counter.StoreLosses])
            counters.Increment(counter);
        Assert.That(_reports, Is.EqualTo(new[]
        {
            "Warning 1 calls for which the reply store could not be reached (StoreFailures is 1)",
            "Warning 1 repeated calls refused because their first server died, so that the outcome is unknown (StoreUnknown is 1)",
            "Warning 1 calls whose claim did not stand any more when they had run (StoreLosses is 1)",
        }));
    }

    [Test]
    public void After_a_while_the_next_line_has_all_that_came_since()
    {
        using SharedMemory words = new(LimitReports.LengthFor(64));
        LimitReports limits = new(words);
        CounterMetric metric = new("a_total", "A.") { Limit = "things" };
        limits.Grown(Counter.Accepted, 5, metric);
        limits.Grown(Counter.Accepted, 9, metric);
        words.Word((int)Counter.Accepted * 16) -= LimitReports.QuietMilliseconds;
        limits.Grown(Counter.Accepted, 12, metric);
        Assert.That(_reports, Is.EqualTo(new[] { "Warning 5 things (Accepted is 5)", "Warning 7 things (Accepted is 12)" }));
    }

    [Test]
    public void Without_being_asked_nothing_is_reported()
    {
        using ServerCounters counters = new();
        counters.Increment(Counter.Refused);
        Assert.That(_reports, Is.Empty);
    }
}
