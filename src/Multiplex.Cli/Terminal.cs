using Spectre.Console;

namespace Multiplex.Cli;

/// <summary>Tables and progress on a terminal; plain text where standard output is a file or a pipe.</summary>
internal static class Terminal
{
    private const int PlainWidth = 160;

    // Not Console where it is redirected: that takes a pipe without a reader for written to.
    private static readonly Lazy<IAnsiConsole> s_output = new(() => Console.IsOutputRedirected
        ? Create(StandardStream.Output, redirected: true)
        : Create(Console.Out, redirected: false));

    private static readonly Lazy<IAnsiConsole> s_error = new(() => Create(Console.Error, Console.IsErrorRedirected));

    /// <summary>Standard output: results.</summary>
    public static IAnsiConsole Output => s_output.Value;

    /// <summary>Standard error: progress.</summary>
    public static IAnsiConsole Error => s_error.Value;

    /// <summary>Runs something that reports how far it is, with a line that changes in place; without one when nobody watches.</summary>
    public static T WithStatus<T>(string what, Func<Action<string>, T> run)
    {
        if (Console.IsErrorRedirected)
            return run(_ => { });
        return Error.Status().Start(Markup.Escape(what), context => run(text => context.Status(Markup.Escape(text))));
    }

    /// <summary>A table with these columns, all but the first right-aligned.</summary>
    public static Table Table(params ReadOnlySpan<string> columns)
    {
        Table table = new() { Border = Console.IsOutputRedirected ? TableBorder.Markdown : TableBorder.Rounded };
        for (int i = 0; i < columns.Length; i++)
        {
            TableColumn column = new TableColumn(Markup.Escape(columns[i])).NoWrap();
            table.AddColumn(i == 0 ? column : column.RightAligned());
        }

        return table;
    }

    private static IAnsiConsole Create(TextWriter writer, bool redirected)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = redirected ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = redirected ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
        });
        if (redirected)
            console.Profile.Width = PlainWidth;
        return console;
    }
}
