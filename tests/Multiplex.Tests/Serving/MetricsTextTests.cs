using Multiplex.Cli.Serving.Metrics;

namespace Multiplex.Tests.Serving;

/// <summary>The text formats of Prometheus and OpenMetrics.</summary>
public class MetricsTextTests
{
    [Test]
    public void Prometheus_names_a_counter_by_its_whole_name() =>
        Assert.That(Write(isOpenMetrics: false), Is.EqualTo("# HELP a_total A.\n# TYPE a_total counter\na_total 3\n# HELP b_info B.\n# TYPE b_info gauge\nb_info{c=\"d\\\"\\\\\\n\",e=\"1\"} 1\n"));

    [Test]
    public void OpenMetrics_names_the_family_and_has_an_end() =>
        Assert.That(Write(isOpenMetrics: true), Is.EqualTo("# HELP a A.\n# TYPE a counter\na_total 3\n# HELP b B.\n# TYPE b info\nb_info{c=\"d\\\"\\\\\\n\",e=\"1.0\"} 1\n# EOF\n"));

    [Test]
    public void Every_counter_of_every_server_has_a_metric_and_no_two_are_the_same()
    {
        Assert.That(ServerCounters.Metrics.Select(one => one.Counter), Is.SupersetOf(Enum.GetValues<Counter>().Except([Counter.Stopping])));
        Assert.That(ServerCounters.Metrics.Select(one => (one.Metric.Name, one.Metric.Reason)), Is.Unique);
        Assert.That(ServerCounters.Metrics.Select(one => one.Metric.Help), Has.All.EndsWith("."));
    }

    private static string Write(bool isOpenMetrics)
    {
        MetricsText text = new(isOpenMetrics);
        text.Counter("a_total", "A.");
        text.Sample("a_total", 3);
        text.Fact("b_info", "B.", ("c", "d\"\\\n"), ("e", text.Bound(1)));
        return text.End();
    }
}
