using Multiplex.Tour.Lessons;
using Multiplex.Tour.Tracing;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Tour;

/// <summary>The tenth lesson, threads.</summary>
public class Lesson10_ThreadsTests
{
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
