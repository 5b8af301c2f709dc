using CommandLine;
using Multiplex.Cli.Options;
using Multiplex.Cli.Output;
using Multiplex.Tour;
using Multiplex.Tour.Lessons;
using Multiplex.Tour.Tracing;

namespace Multiplex.Cli;

[Verb("tour", HelpText = "The course on sockets and remote procedure calls as lessons: each makes its system calls, and shows each with what it returned.")]
internal sealed class TourOptions : IVerb
{
    private const int StandardInput = 0;

    [Value(0, MetaName = "LESSON", HelpText = "The lessons to show; without any, all of them, one after another.")]
    public IEnumerable<string> Lessons { get; set; } = [];

    [Option("list", HelpText = "List the lessons, a line each.")]
    public bool List { get; set; }

    [Option("pause", HelpText = "Wait for Enter before each step and before the answers. Where standard input is no terminal, nothing waits.")]
    public bool Pause { get; set; }

    public int Run()
    {
        Lesson[] chosen = [.. Lessons.Select(name => Values.Named("LESSON", name, AllLessons.InOrder, lesson => lesson.Name))];
        if (List)
        {
            int width = AllLessons.InOrder.Max(lesson => lesson.Name.Length);
            foreach (Lesson lesson in AllLessons.InOrder)
                Terminal.WriteLine($"{lesson.Name.PadRight(width)}  {lesson.Title}");
            return ExitStatus.Done;
        }

        TourPage page = new(pauses: Pause && Terminal.WidthOf(StandardInput) is not null);
        foreach (Lesson lesson in chosen.Length > 0 ? chosen : AllLessons.InOrder)
        {
            if (lesson.Forks && !Trace.CanFork)
                StandardStream.Output.WriteLine($"{lesson.Name}: fork(2) needs the native command: ./run-all.sh build, then artifacts/multiplex/multiplex tour {lesson.Name}");
            else
                page.Show(lesson);
        }

        return ExitStatus.Done;
    }
}
