using Multiplex.Tour.Lessons;

namespace Multiplex.Tests.Tour;

/// <summary>The thirteenth lesson, once.</summary>
public class Lesson13_OnceTests
{
    [TestCase("The call is lost", "the relay drops the call", 5, 1)]
    [TestCase("The reply is lost, and the server remembers nothing", "the relay drops the reply", 10, 2)]
    [TestCase("The reply is lost, and the server has a reply cache", "the relay drops the reply", 5, 1)]
    public void A_call_that_is_sent_again_acts_twice_only_where_the_reply_was_lost_and_the_server_remembers_nothing(
        string title, string lost, int result, int runs)
    {
        LessonRun step = LessonRun.Of(Lesson13_Once.Lesson, title);
        Assert.That(step.Exhibits, Has.Member(lost));
        string[] calls = [.. step.Exhibits.Where(line => line.StartsWith("a call: ", StringComparison.Ordinal))];
        Assert.That(calls, Has.Length.EqualTo(2), "the call came twice");
        Assert.That(calls.Distinct().Count(), Is.EqualTo(1), "with the same xid");
        Assert.That(step.Exhibits[^2..], Is.EqualTo(new[] { $"client.Add(5) = {result}", $"the server ran {runs} call{(runs == 1 ? "" : "s")}; its counter is {result}" }));
    }

    [Test]
    public void A_client_that_gets_no_reply_gives_up() =>
        Assert.That(LessonRun.Of(Lesson13_Once.Lesson, "No reply ever comes").Exhibits.Single(), Does.StartWith("client.Add(5): RpcTimeoutException: "));
}
