using System.Text;
using System.Text.RegularExpressions;
using Spectre.Console;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Output;

/// <summary>Tables and text on a terminal of any width; plain text where standard output is a file or a pipe.</summary>
internal static partial class Terminal
{
    /// <summary>The assumed width of a terminal that does not report its columns.</summary>
    public const int UsualWidth = 80;

    private const int PlainWidth = 400;
    public const char Unbreakable = '\u00a0';
    private const int StandardOutput = 1;

    // Not Console when output is redirected: Console reports no error when a pipe has no reader.
    private static readonly Lazy<IAnsiConsole> s_output = new(() => Console.IsOutputRedirected
        ? Create(StandardStream.Output, redirected: true)
        : Create(Console.Out, redirected: false));

    private static readonly Lazy<IAnsiConsole> s_error = new(() => Create(Console.Error, Console.IsErrorRedirected));

    /// <summary>Standard output: results.</summary>
    public static IAnsiConsole Output => s_output.Value;

    /// <summary>Standard error: progress.</summary>
    public static IAnsiConsole Error => s_error.Value;

    /// <summary>Columns of standard output; null where it is no terminal, so that lines may be of any length.</summary>
    public static int? Width => WidthOf(StandardOutput);

    /// <summary>Columns of the terminal behind a descriptor; null if there is none behind it.</summary>
    public static int? WidthOf(int descriptor) => ioctl(descriptor, out winsize size).IsError ? null : size.ws_col == 0 ? UsualWidth : size.ws_col;

    /// <summary>Writes a line to standard output, wrapped between words where it is wider than the terminal.</summary>
    /// <param name="text">The line.</param>
    /// <param name="indent">Spaces before its second line and further ones.</param>
    public static void WriteLine(string text = "", int indent = 2)
    {
        foreach (string line in Wrap(Unit().Replace(text, $"{Unbreakable}"), Width ?? int.MaxValue, indent))
            Output.Profile.Out.Writer.WriteLine(line.Replace(Unbreakable, ' '));
    }

    /// <summary>Text in lines of at most this many characters, broken only between words.</summary>
    public static IEnumerable<string> Wrap(string text, int width, int indent)
    {
        StringBuilder line = new();
        bool isEmpty = true;
        bool isFirstLine = true;
        foreach (string word in text.Split(' '))
        {
            if (word.Length == 0 && isEmpty && !isFirstLine)
                continue;   // one of several spaces at a line break
            if (!isEmpty && line.Length + 1 + word.Length > width)
            {
                yield return line.ToString().TrimEnd();
                line.Clear().Append(' ', Math.Min(indent, width / 2));
                (isEmpty, isFirstLine) = (true, false);
                if (word.Length == 0)
                    continue;
            }

            if (!isEmpty)
                line.Append(' ');
            line.Append(word);
            isEmpty = false;
        }

        yield return line.ToString().TrimEnd();
    }

    /// <summary>
    /// Writes a table, its first column left-aligned and the others right-aligned. If it is wider than the terminal, each row becomes a
    /// paragraph that lists its cells with the names of their columns, so no cell is ever broken.
    /// </summary>
    /// <param name="columns">The names of the columns.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="lastIsDrawing">Whether the last column is a drawing, left-aligned, which is left out where it is too wide.</param>
    public static void WriteTable(IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<string>> rows, bool lastIsDrawing = false)
    {
        IReadOnlyList<string>[] all = [.. rows];
        const int Frame = 3;   // a line and two spaces beside each cell
        int width = 1 + columns.Select((name, i) => Frame + all.Select(row => row[i].Length).Append(name.Length).Max()).Sum();
        if (width > (Width ?? int.MaxValue))
        {
            foreach (IReadOnlyList<string> row in all)
            {
                WriteLine(row[0], 0);
                WriteLine("  " + string.Join("  ", columns.Zip(row).Skip(1).SkipLast(lastIsDrawing ? 1 : 0).Where(cell => cell.Second.Length > 0).Select(Together)));
            }

            return;
        }

        Table table = Table([.. columns]);
        if (lastIsDrawing)
            table.Columns[^1].LeftAligned();
        foreach (IReadOnlyList<string> row in all)
            table.AddRow([.. row.Select(Markup.Escape)]);
        Output.Write(table);
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

    // The space between a number and its unit.
    [GeneratedRegex(@"(?<=[0-9]) (?=(ns|µs|ms|s|B|KiB|MiB|GiB|%)\b|%)")]
    private static partial Regex Unit();

    // A name and its figure stay on one line: the spaces between them do not break.
    private static string Together((string Name, string Cell) cell) => $"{cell.Name} {cell.Cell}".Trim().Replace(' ', Unbreakable);

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
