using System.Text;
using Multiplex.Tour;
using Multiplex.Tour.Lessons;
using Multiplex.Tour.Tracing;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Tour;

/// <summary>The tenth lesson, threads.</summary>
public class Lesson10_ThreadsTests
{
    private static readonly string[] s_sending = ["write", "send", "sendto", "sendmsg", "writev"];

    private static IEnumerable<TestCaseData> StepsWithThreads() =>
        from step in Lesson10_Threads.Lesson.Steps.Append(Lesson04_Streams.Lesson.Steps.Single(step => step.Title == "Flags: look without taking, wait for all"))
        select new TestCaseData(step).SetArgDisplayNames(step.Title);

    [TestCaseSource(nameof(StepsWithThreads))]
    public void What_a_thread_has_received_stands_behind_what_was_sent(Step step)
    {
        const int Runs = 20;
        for (int i = 0; i < Runs; i++)
        {
            Trace trace = new();
            Lesson.Run(step, trace);
            Assert.That(trace.Lines.Any(line => line.By.Length > 0), Is.True, "another thread has a line");
            AssertInOrder(trace.Lines);
        }
    }

    [Test]
    public void A_server_of_one_thread_answers_the_second_client_after_the_first()
    {
        LessonRun step = LessonRun.Of(Lesson10_Threads.Lesson, "One thread, one client at a time");
        TraceLine[] server = [.. step.Lines.Where(line => line.By.Length > 0)];
        Assert.That(server.Select(line => line.By).Distinct().Count(), Is.EqualTo(1), "one thread");
        Assert.That(
            server.Select(line => line.Call), Is.EqualTo(new[] { "accept4", "recv", "send", "close", "accept4", "recv", "send", "close" }));
        Assert.That(step.Results("poll"), Is.EqualTo(new[] { 0 }), "the second client has no answer while the first is silent");
        Assert.That(step.Received, Is.EquivalentTo(new[] { "at last", "me too", "at last", "me too" }));
    }

    [Test]
    public void A_thread_for_each_client_answers_the_second_while_the_first_is_silent()
    {
        LessonRun step = LessonRun.Of(Lesson10_Threads.Lesson, "A thread for each client");
        Assert.That(step.Received, Is.EqualTo(new[] { "quick", "quick", "at last", "at last" }), "the server's read and the client's, of each");
        Assert.That(step.Results("getpid"), Is.All.EqualTo(getpid()));
        Assert.That(step.Results("gettid"), Is.Unique.And.Length.EqualTo(2));
    }

    // Of each text that was sent whole, as many are sent as are received, at each line; and of all bytes.
    private static void AssertInOrder(IReadOnlyList<TraceLine> lines)
    {
        HashSet<string> whole = [.. lines.Where(line => s_sending.Contains(line.Call)).Select(Text)];
        Dictionary<string, int> inFlight = whole.ToDictionary(text => text, _ => 0);
        int bytes = 0, accepted = 0;
        foreach (TraceLine line in lines.Where(line => !line.Text.Contains("MSG_PEEK", StringComparison.Ordinal)))
        {
            int sent = s_sending.Contains(line.Call) ? 1 : LessonRun.Receives(line) ? -1 : 0;
            bytes += sent * line.Data.Length;
            if (inFlight.ContainsKey(Text(line)))
                inFlight[Text(line)] += sent;
            accepted += line.Call == "connect" ? 1 : line.Call == "accept4" ? -1 : 0;
            Assert.That((int[])[bytes, accepted, inFlight.GetValueOrDefault(Text(line))], Has.All.AtLeast(0), () => $"{line.Text}\n\n{string.Join('\n', lines.Select(one => $"{one.By} {one.Text}"))}");
        }
    }

    private static string Text(TraceLine line) => Encoding.ASCII.GetString(line.Data);

    [Test]
    public void A_descriptor_that_one_thread_closes_is_closed_for_all()
    {
        LessonRun step = LessonRun.Of(Lesson10_Threads.Lesson, "Threads share descriptors");
        Assert.That(step.Errors, Is.EqualTo(new[] { ("send", EBADF) }));
        Assert.That(step.Received, Is.EqualTo(new[] { "" }));
    }

    [Test]
    public void An_update_is_lost_without_an_atomic_operation()
    {
        LessonRun step = LessonRun.Of(Lesson10_Threads.Lesson, "Threads share memory: a lost update");
        Assert.That(
            step.Exhibits, Is.EqualTo(new[] { "count = 0 + 1", "count = 0 + 1", "count = 1 after two increments", "count = 2 after two increments" }));
    }
}
