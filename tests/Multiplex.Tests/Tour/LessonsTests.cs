using Multiplex.Tour;
using Multiplex.Tour.Lessons;
using Multiplex.Tour.Tracing;

namespace Multiplex.Tests.Tour;

/// <summary>What holds for every lesson.</summary>
public class LessonsTests
{
    private static IEnumerable<TestCaseData> Steps() =>
        from lesson in AllLessons.InOrder
        where !lesson.Forks   // these run in the native command: see TourTests of the server tests
        from step in lesson.Steps
        select new TestCaseData(step).SetArgDisplayNames(lesson.Name, step.Title);

    [TestCaseSource(nameof(Steps))]
    public void A_step_comes_out_as_it_says_shows_something_and_leaves_no_descriptor_open(Step step)
    {
        Lesson.Run(step, new Trace());   // the descriptors that a process opens once are open now
        int before = OpenDescriptors();
        Trace trace = new();
        Lesson.Run(step, trace);
        Assert.That(trace.Lines[0], Is.EqualTo(new TraceLine(LineKind.Step, step.Title)));
        Assert.That(trace.Lines.Any(line => line.Kind is LineKind.Call or LineKind.Exhibit), Is.True);
        Assert.That(trace.Lines.Select(line => line.Text.Trim()), Has.None.Empty);
        Eventually.Holds(() => OpenDescriptors() <= before, () => $"{OpenDescriptors()} descriptors are open, and {before} were before");
    }

    [Test]
    public void Each_has_a_name_of_its_own_questions_with_answers_and_steps()
    {
        Assert.That(AllLessons.InOrder.Select(lesson => lesson.Name), Is.Unique.And.All.Match("^[a-z]+$"));
        foreach (Lesson lesson in AllLessons.InOrder)
        {
            Assert.That(lesson.Questions, Is.Not.Empty, lesson.Name);
            Assert.That(lesson.Questions.Select(question => question.Text), Is.All.EndsWith("?"));
            Assert.That(lesson.Questions.Select(question => question.Answer), Is.All.EndsWith("."));
            Assert.That(lesson.Steps.Select(step => step.Title), Is.Unique.And.Not.Empty, lesson.Name);
        }
    }

    [Test]
    public void A_lesson_asks_before_its_steps_and_answers_after_them()
    {
        Lesson lesson = new("name", "title", [new("Why?", "Because.")], [new("step", trace => trace.Say("prose"))]);
        Trace trace = new();
        lesson.Run(trace);
        Assert.That(
            trace.Lines.Select(line => (line.Kind, line.Text)),
            Is.EqualTo(new[]
            {
                (LineKind.Title, "name: title"), (LineKind.Question, "Why?"), (LineKind.Step, "step"), (LineKind.Prose, "prose"), (LineKind.Answer, "Why?\nBecause."),
            }));
    }

    [Test]
    public void A_call_that_comes_to_something_else_than_the_lesson_says_ends_the_lesson()
    {
        Trace trace = new();
        Assert.That(
            () => trace.socket(Multiplex.Interop.Libc.AF_INET, Multiplex.Interop.Libc.SOCK_STREAM, 0, new(Multiplex.Interop.Libc.EMFILE, "meaning")),
            Throws.TypeOf<LessonException>().With.Message.Match("^socket\\(AF_INET, SOCK_STREAM, 0\\) = [0-9]+: the lesson expected EMFILE$"));
        Assert.That(
            () => trace.listen(-1, 1),
            Throws.TypeOf<LessonException>().With.Message.EqualTo("listen(-1, 1) = -1 EBADF (Bad file descriptor): the lesson expected a success"));
        trace.CloseAll();
    }

    [Test]
    public void A_lesson_that_forks_is_refused_where_the_program_is_compiled_while_it_runs()
    {
        Assert.That(Trace.CanFork, Is.False);
        Lesson forks = AllLessons.InOrder.Single(lesson => lesson.Forks);
        Assert.That(() => forks.Run(new Trace()), Throws.TypeOf<NotSupportedException>().With.Message.Contains("ahead of time"));
    }

    [Test]
    public void Each_call_is_written_as_strace_writes_it_with_the_name_that_the_lesson_gives_its_descriptor()
    {
        LessonRun run = LessonRun.Of(Lesson02_Addresses.Lesson, "bind(2) to port 0: the kernel chooses a port");
        Assert.That(
            run.Calls("bind").Single().Text, Does.Match("^bind\\([0-9]+, {sa_family=AF_INET, sin_port=htons\\(0\\), sin_addr=inet_addr\\(\"127.0.0.1\"\\)}, 16\\) = 0$"));
        LessonRun named = LessonRun.Of(Lesson07_Endings.Lesson, "shutdown(2) of writing ends one direction");
        Assert.That(named.Calls("shutdown").Single().Text, Does.Match("^shutdown\\([0-9]+<client>, SHUT_WR\\) = 0$"));
        Assert.That(named.Calls("recv")[^1].Text, Does.Match("^recv\\([0-9]+<client>, \"reply\", 64, 0\\) = 5$"));
    }

    private static int OpenDescriptors() => Directory.GetFileSystemEntries("/proc/self/fd").Length;
}
