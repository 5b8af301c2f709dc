using Multiplex.Check;

namespace Multiplex.Cli.Output;

/// <summary>The results of checks on the terminal, one row as each check ends; below a failed check, what the course teaches about that fault.</summary>
internal sealed class CheckTable(CheckSuite suite)
{
    private const int Result = 8;

    private readonly int _name = suite.Checks.Max(check => check.Name.Length) + 2;

    /// <summary>A row.</summary>
    public void Row(CheckResult result)
    {
        ServerCheck check = result.Check;
        string outcome = result.Outcome switch
        {
            Outcome.Holds => "holds",
            Outcome.Fault => "FAULT",
            _ => "skipped",
        };
        string text = result.Outcome == Outcome.Skipped ? result.Seen : $"{check.Tried}: {Printable.Of(result.Seen)}";
        Line(check.Name.PadRight(_name) + outcome.PadRight(Result) + text);
        if (result.Outcome != Outcome.Fault)
            return;
        Line(new string(' ', _name + Result) + check.Word);
        Line(new string(' ', _name + Result) + $"see multiplex tour {check.Lesson}");
    }

    /// <summary>The last line.</summary>
    public static void Sum(CheckReport report)
    {
        Terminal.WriteLine();
        Terminal.WriteLine($"{report.Holds} of {report.Checks.Count} checks hold, {report.Faults} {(report.Faults == 1 ? "does" : "do")} not, {report.Skipped} skipped");
    }

    private void Line(string text) => Terminal.WriteLine(text, indent: _name + Result);
}
