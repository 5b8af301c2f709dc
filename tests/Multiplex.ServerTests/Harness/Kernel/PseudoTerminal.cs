using System.Text.RegularExpressions;

namespace Multiplex.ServerTests.Harness.Kernel;

/// <summary>The command on a terminal of its own, by script(1): standard input, output and error are one pseudo-terminal.</summary>
internal static partial class PseudoTerminal
{
    /// <summary>Runs the command under test on a terminal with this many columns.</summary>
    /// <param name="columns">Columns of the terminal.</param>
    /// <param name="arguments">Of the command: words without quotes in them.</param>
    /// <returns>The run; what was written to the terminal is its output.</returns>
    public static ProgramRun Multiplex(int columns, params string[] arguments) => MultiplexWith([], columns, arguments);

    /// <summary>The same, with input as if typed.</summary>
    public static ProgramRun MultiplexWith(byte[] typed, int columns, params string[] arguments)
    {
        string command = string.Join(' ', arguments.Prepend(ServerProcess.Command).Select(word => $"'{word}'"));
        return ProgramRun.Of(
            "env", ["TERM=xterm", Tools.Require("script"), "-q", "-e", "-c", $"stty cols {columns} rows 24; exec {command}", "/dev/null"], typed);
    }

    /// <summary>The lines as they stand on the screen at the end: without erased text and without colours.</summary>
    public static string[] Visible(ProgramRun run) =>
        [.. run.Lines.Select(line => Escapes().Replace(LastOf(line.TrimEnd('\r')), "").TrimEnd()).Where(line => line.Length > 0)];

    private static string LastOf(string line) => line[(line.LastIndexOf('\r') + 1)..];

    [GeneratedRegex("\e[^a-zA-Z=>]*[a-zA-Z=>]")]
    private static partial Regex Escapes();
}
