using System.Text.Json;
using Multiplex.Cli.Serving.Logs;
using Multiplex.Observing;

namespace Multiplex.Tests.Serving;

/// <summary>The lines of a server's log.</summary>
public class LogLineTests
{
    [TestCase(false, "multiplex: one\ntwo\n")]
    [TestCase(true, "<4>multiplex: one\n<4>two\n")]
    public void As_text_an_event_has_its_priority_where_the_journal_reads_it(bool isJournal, string line) =>
        Assert.That(Log.Line(EventLevel.Warning, "a_b", "one\ntwo", "multiplex: ", "", isJson: false, isJournal), Is.EqualTo(line));

    [TestCase(false)]
    [TestCase(true)]
    public void As_JSON_an_event_is_one_line(bool isJournal)
    {
        string line = Log.Line(EventLevel.Error, "a_b", "one\n\"two\"", "multiplex: ", "Accepted=1 Calls=22", isJson: true, isJournal);
        Assert.That(line.StartsWith("<3>{", StringComparison.Ordinal), Is.EqualTo(isJournal));
        Assert.That(line.IndexOf('\n'), Is.EqualTo(line.Length - 1));
        using JsonDocument json = JsonDocument.Parse(line[line.IndexOf('{')..]);
        JsonElement root = json.RootElement;
        Assert.That(
            (root.GetProperty("level").GetString(), root.GetProperty("event").GetString(), root.GetProperty("message").GetString(), root.GetProperty("pid").GetInt32()),
            Is.EqualTo(("error", "a_b", "one\n\"two\"", Environment.ProcessId)));
        Assert.That(root.GetProperty("time").GetDateTime(), Is.EqualTo(DateTime.UtcNow).Within(TimeSpan.FromHours(1)));
        Assert.That(root.GetProperty("counters").GetProperty("Calls").GetInt64(), Is.EqualTo(22));
    }

    [TestCase(null)]
    [TestCase("")]
    [TestCase("1:2")]
    public void A_stream_that_is_not_the_one_of_the_variable_is_not_the_journal(string? variable) =>
        Assert.That(Log.IsJournal(variable, 2), Is.False);
}
