using System.Text;
using System.Text.RegularExpressions;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Kernel;
using Multiplex.Tour;
using Multiplex.Tour.Lessons;
using NUnit.Framework;

namespace Multiplex.ServerTests.Command;

/// <summary><c>multiplex tour</c>: every lesson runs in the real command, also the one that forks, and is readable on any terminal.</summary>
public sealed class TourTests
{
    [Test]
    public void Without_arguments_it_shows_all_lessons_in_order_plain_and_at_most_80_columns_wide()
    {
        ProgramRun run = ProgramRun.Multiplex("tour");
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', run.Errors));
        Assert.That(run.Errors, Is.Empty);
        string text = Encoding.UTF8.GetString(run.Output);
        Assert.That(text, Does.Not.Contain("\e"), "no colours in a pipe");
        Assert.That(run.Lines.Select(line => line.Length), Is.All.LessThanOrEqualTo(80));
        Assert.That(
            run.Lines.Where(line => line.StartsWith("Lesson ", StringComparison.Ordinal)).Select(line => line[..line.IndexOf(':', StringComparison.Ordinal)]),
            Is.EqualTo(AllLessons.InOrder.Select((lesson, i) => $"Lesson {i + 1} of {AllLessons.InOrder.Count}, {lesson.Name}")));

        // Each question is printed twice, alone before the steps and with its answer after them, however the lines are broken.
        string words = Words(text);
        foreach (Question question in AllLessons.InOrder.SelectMany(lesson => lesson.Questions))
        {
            Assert.That(words, Does.Contain(Words($"? {question.Text} {question.Answer}")));
            Assert.That(Regex.Count(words, Regex.Escape(Words($"? {question.Text}"))), Is.EqualTo(2), question.Text);
        }

        foreach (Step step in AllLessons.InOrder.SelectMany(lesson => lesson.Steps))
            Assert.That(words, Does.Contain(Words(step.Title)));
    }

    [Test]
    public void The_lesson_on_fork_makes_real_children()
    {
        ProgramRun run = ProgramRun.Multiplex("tour", "fork");
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', run.Errors));
        string[] lines = [.. run.Lines.Select(line => line.Trim())];

        // fork(2) returns the child's id to the parent and 0 to the child, whose parent is this command; the child exited with status 7.
        int parent = int.Parse(Regex.Match(lines.First(line => line.StartsWith("getpid() = ", StringComparison.Ordinal)), "[0-9]+$").Value);
        int child = int.Parse(Regex.Match(lines.First(line => line.StartsWith("fork() = ", StringComparison.Ordinal)), "[0-9]+$").Value);
        Assert.That(
            lines.Where(line => line.StartsWith($"[child {child}] ", StringComparison.Ordinal)).Select(line => line.Split("] ")[1]),
            Is.EqualTo(new[] { "fork() = 0", $"getpid() = {child}", $"getppid() = {parent}", "_exit(7)" }));
        string words = Words(string.Join(' ', lines));
        Assert.That(words, Does.Contain($"waitpid({child}, [{{WIFEXITED(s) && WEXITSTATUS(s) == 7}}], 0) = {child}"));

        Assert.That(words, Does.Contain("The calls of a child are shown when it has ended"));

        // Memory is copied, except for MAP_SHARED mappings; an open file has one position; a child that has ended is a zombie.
        Assert.That(lines, Has.Some.Match(@"^\[child [0-9]+\] number = 2, in the child$"));
        Assert.That(
            lines.Where(line => line.StartsWith("number = ", StringComparison.Ordinal)),
            Is.EqualTo(new[]
            {
                "number = 1, before the fork", "number = 1, in the parent, after the child has ended",
                "number = 1, before the fork", "number = 2, in the parent, after the child has ended",
            }));
        Assert.That(lines, Has.Some.Match(@"^\[child [0-9]+\] read\([0-9]+<file>, ""abc"", 3\) = 3$"));
        Assert.That(lines, Has.Some.Match(@"^read\([0-9]+<file>, ""def"", 3\) = 3$"));
        Assert.That(lines, Has.Some.Match(@"^/proc/[0-9]+/stat: state Z \(Z is a zombie\)$"));
        Assert.That(lines, Has.Some.Match("^/proc/[0-9]+: gone$"));

        // The peer of a connection that the parent has closed gets the child's bytes, and then its end of file.
        Assert.That(words, Does.Match(@"<other>, ""from the child"", 64, 0\) = 14 .* recv\([0-9]+<other>, """", 64, 0\) = 0"));

        // Each client is served by a process of its own, the second one first.
        MatchCollection served = Regex.Matches(words, @"recv\([0-9]+<client>, ""served by ([0-9]+)"", 64, 0\)");
        Assert.That((string[])[.. served.Select(match => match.Groups[1].Value), $"{parent}"], Is.Unique.And.Length.EqualTo(3));
    }

    [Test]
    public void A_lesson_fits_a_terminal_of_few_columns_and_has_colours_there(
        [Values(80, 40)] int columns, [Values("endings", "rpc", "fork")] string lesson)
    {
        ProgramRun run = PseudoTerminal.Multiplex(columns, "tour", lesson);
        Assert.That(run.Status, Is.Zero);
        Assert.That(Encoding.UTF8.GetString(run.Output), Does.Contain("\e[1m"));
        Assert.That(PseudoTerminal.Visible(run).Select(line => line.Length), Is.All.LessThanOrEqualTo(columns));
    }

    [Test]
    public void Pause_waits_for_Enter_on_a_terminal_before_each_step_and_the_answers_and_nowhere_else()
    {
        Lesson lesson = AllLessons.InOrder.Single(one => one.Name == "sockets");
        byte[] presses = [.. Enumerable.Repeat((byte)'\n', lesson.Steps.Count + 1)];
        ProgramRun run = PseudoTerminal.MultiplexWith(presses, 80, "tour", "sockets", "--pause");
        Assert.That(run.Status, Is.Zero);
        Assert.That(Regex.Count(Encoding.UTF8.GetString(run.Output), @"\[Enter\]"), Is.EqualTo(lesson.Steps.Count + 1));

        ProgramRun piped = ProgramRun.Multiplex("tour", "sockets", "--pause");
        Assert.That(piped.Status, Is.Zero);
        Assert.That(piped.Lines, Has.None.Contains("[Enter]"), "without a terminal nothing waits");
    }

    [Test]
    public void List_has_a_line_for_each_lesson()
    {
        ProgramRun run = ProgramRun.Multiplex("tour", "--list");
        Assert.That(run.Status, Is.Zero);
        Assert.That(run.Lines.Select(line => line.Split(' ')[0]), Is.EqualTo(AllLessons.InOrder.Select(lesson => lesson.Name)));
        Assert.That(run.Lines.Zip(AllLessons.InOrder).Select(pair => pair.First.EndsWith(pair.Second.Title, StringComparison.Ordinal)), Is.All.True);
    }

    [Test]
    public void A_lesson_that_does_not_exist_is_wrong_usage_and_nothing_runs()
    {
        ProgramRun run = ProgramRun.Multiplex("tour", "sockets", "stream");
        Assert.That(run.Status, Is.EqualTo(2));
        Assert.That(run.Lines, Is.Empty);
        Assert.That(run.Errors.Single(), Is.EqualTo($"multiplex: LESSON stream: write {string.Join(", ", AllLessons.InOrder.Select(lesson => lesson.Name))}"));
    }

    private static string Words(string text) => string.Join(' ', text.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries));
}
