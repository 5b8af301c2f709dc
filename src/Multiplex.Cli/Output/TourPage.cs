using System.Text.RegularExpressions;
using Multiplex.Tour;
using Multiplex.Tour.Lessons;
using Multiplex.Tour.Tracing;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Output;

/// <summary>
/// The lines of a lesson on standard output, as they come: at most 80 columns, colours only on a terminal. It writes with write(2): a process that
/// forks must not use Console.
/// </summary>
/// <param name="pauses">Whether to wait for Enter before each step and before the answers.</param>
internal sealed partial class TourPage(bool pauses)
{
    private const int Widest = 80;
    private const int Narrow = 60;   // columns: below, calls are indented less
    private const string Plain = "", Bold = "1", Dim = "2", Yellow = "33", Cyan = "36", Green = "32";

    private readonly int _width = Math.Min(Terminal.Width ?? Widest, Widest);

    private readonly bool _hasColours = Terminal.Width is not null
        && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")) && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");

    private LineKind _previous = LineKind.Answer;
    private bool _pauses = pauses;
    private string _number = "";
    private int _steps;

    private int Margin => _width < Narrow ? 2 : 4;

    /// <summary>Runs a lesson and writes its lines.</summary>
    /// <param name="lesson">The lesson.</param>
    /// <exception cref="LessonException">A call did not return what the lesson expects.</exception>
    public void Show(Lesson lesson)
    {
        int number = AllLessons.InOrder.TakeWhile(one => one != lesson).Count() + 1;
        _number = $"Lesson {number} of {AllLessons.InOrder.Count}, ";
        lesson.Run(new Trace(Write));
    }

    private void Write(TraceLine line)
    {
        bool begins = line.Kind is LineKind.Title or LineKind.Step || (line.Kind is (LineKind.Question or LineKind.Answer) && line.Kind != _previous);
        if (begins && line.Kind is (LineKind.Step or LineKind.Answer))
            AwaitEnter();
        if (begins && (line.Kind != LineKind.Title || _steps > 0))
            Put("", Plain, 0);
        string margin = new(' ', Margin);
        string by = line.By.Length > 0 ? $"[{line.By}] " : "";
        switch (line.Kind)
        {
            case LineKind.Title:
                _steps = 0;
                Put($"{_number}{line.Text}", Bold, 0);
                break;
            case LineKind.Question:
                Put($"? {line.Text}", Cyan, 2);
                break;
            case LineKind.Step:
                Put($"{++_steps}. {line.Text}", Bold, 3);
                break;
            case LineKind.Prose:
                Put(line.Text, Plain, 0);
                break;
            case LineKind.Call:
                Put($"{margin}{by}{line.Text}", line.Result.IsError ? Yellow : Green, 2 * Margin);
                break;
            case LineKind.Meaning:
                Put($"{margin}{margin}that is: {line.Text}", Yellow, 2 * Margin);
                break;
            case LineKind.Exhibit:
                Put($"{margin}{by}{line.Text}", Dim, 2 * Margin);
                break;
            case LineKind.Answer:
                string[] parts = line.Text.Split('\n');
                Put($"? {parts[0]}", Cyan, 2);
                Put($"  {parts[1]}", Plain, 2);
                break;
        }

        _previous = line.Kind;
    }

    private void Put(string text, string style, int indent)
    {
        foreach (string part in Terminal.Wrap(Quoted().Replace(text, match => match.Value.Replace(' ', Terminal.Unbreakable)), _width, indent).SelectMany(Cut))
        {
            string line = part.Replace(Terminal.Unbreakable, ' ');
            StandardStream.Output.WriteLine(_hasColours && style.Length > 0 && line.Length > 0 ? $"\e[{style}m{line}\e[0m" : line);
        }
    }

    // Text without spaces, such as the bytes of a message, is broken at the edge.
    private IEnumerable<string> Cut(string line) =>
        line.Length <= _width ? [line] : line.Chunk(_width).Select(chunk => new string(chunk));

    private void AwaitEnter()
    {
        if (!_pauses)
            return;
        StandardStream.Output.Write("[Enter] ");
        byte[] one = new byte[1];
        do
        {
            _pauses = read(0, one).Value > 0;   // after the end of the file there are no more pauses
        }
        while (_pauses && one[0] != (byte)'\n');
    }

    // The bytes of a call: they stay on one line if they fit there.
    [GeneratedRegex("\"[^\"]*\"")]
    private static partial Regex Quoted();
}
