using System.Text;
using Multiplex.Tour;
using Multiplex.Tour.Tracing;

namespace Multiplex.Tests.Tour;

/// <summary>One step of a lesson, run in this process: the same code that the command runs.</summary>
internal sealed class LessonRun
{
    private static readonly string[] s_receiving = ["read", "recv", "recvfrom", "recvmsg", "readv"];

    private LessonRun(IReadOnlyList<TraceLine> lines) => Lines = lines;

    /// <summary>All lines, the step's title first.</summary>
    public IReadOnlyList<TraceLine> Lines { get; }

    /// <summary>What each receiving call got, in order, as text; empty for an end of file, an empty datagram and a failure.</summary>
    public string[] Received => [.. Lines.Where(Receives).Select(line => Encoding.ASCII.GetString(line.Data))];

    /// <summary>The calls that failed, in order, each with its errno.</summary>
    public (string Call, int Errno)[] Errors => [.. Lines.Where(line => line.Result.IsError).Select(line => (line.Call, line.Result.Errno))];

    /// <summary>The lines that are no calls.</summary>
    public string[] Exhibits => [.. Lines.Where(line => line.Kind == LineKind.Exhibit).Select(line => line.Text)];

    /// <summary>Whether a line is that of a receiving call.</summary>
    public static bool Receives(TraceLine line) => s_receiving.Contains(line.Call);

    /// <summary>Runs a step of a lesson.</summary>
    public static LessonRun Of(Lesson lesson, string step)
    {
        Trace trace = new();
        Lesson.Run(lesson.Steps.Single(one => one.Title == step), trace);
        return new(trace.Lines);
    }

    /// <summary>The calls of this name, in order.</summary>
    public TraceLine[] Calls(string name) => [.. Lines.Where(line => line.Call == name)];

    /// <summary>What the calls of this name returned, in order: a count, a descriptor or the negative errno.</summary>
    public int[] Results(string name) => [.. Calls(name).Select(line => (int)line.Result.Value)];

    /// <summary>The raw addresses that getsockname(2) and getpeername(2) returned, in order.</summary>
    public byte[][] Names(string call = "getsockname") => [.. Calls(call).Select(line => line.Data)];
}
