using System.Globalization;

namespace Multiplex.Rpc.Binding;

/// <summary>The names of programs: those that were added, and those of rpc(5), the file /etc/rpc.</summary>
public static class ProgramNames
{
    private const string Path = "/etc/rpc";

    private static readonly List<(string[] Names, uint Number)> s_added = [];
    private static readonly Lazy<List<(string[] Names, uint Number)>> s_entries = new(Read);

    private static IEnumerable<(string[] Names, uint Number)> Entries => s_added.Concat(s_entries.Value);

    /// <summary>Adds a name, which goes before those of the file. To be called before names are looked up on other threads.</summary>
    public static void Add(string name, uint program) => s_added.Add(([name], program));

    /// <summary>The name of a program; null when it has none.</summary>
    public static string? Of(uint program) => Entries.FirstOrDefault(entry => entry.Number == program).Names?[0];

    /// <summary>Reads a program: its name or alias, or its number in decimal, or in hexadecimal after 0x.</summary>
    /// <returns>False when it is neither.</returns>
    public static bool TryParse(string text, out uint program)
    {
        program = Entries.FirstOrDefault(entry => entry.Names.Contains(text)).Number;
        return program != 0 || TryParseNumber(text, out program);
    }

    private static bool TryParseNumber(string text, out uint number) => text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
        ? uint.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
        : uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    // A line: name, number, aliases; what follows a # is a comment.
    private static List<(string[] Names, uint Number)> Read()
    {
        List<(string[] Names, uint Number)> entries = [];
        foreach (string line in File.Exists(Path) ? File.ReadLines(Path) : [])
        {
            string[] words = line.Split('#')[0].Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length > 1 && TryParseNumber(words[1], out uint number))
                entries.Add(([words[0], .. words[2..]], number));
        }

        return entries;
    }
}
