using System.Globalization;
using Multiplex.Cli.Options;
using Multiplex.Cli.Output;
using Tomlyn;
using Tomlyn.Parsing;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Serving.Configuration;

/// <summary>
/// The options of <c>serve</c> in a file in TOML, whose keys are their names: it becomes words of a command line, so that all that is known of the options holds
/// for the file too. What the command line says itself counts in place of what the file says.
/// </summary>
internal sealed class ConfigFile
{
    /// <summary>The name of the option that names the file.</summary>
    public const string Option = "config";

    private readonly string _path;
    private readonly Dictionary<string, int> _lines = [];   // of each option
    private readonly Dictionary<string, List<string>> _values = [];

    private ConfigFile(string path) => _path = path;

    /// <summary>Finds <c>--config FILE</c> among the words of <c>serve</c>, and reads the file.</summary>
    /// <param name="words">The words; then with those of the file behind them.</param>
    /// <returns>Null where no file is named.</returns>
    /// <exception cref="UsageException">The file says what it may not, at a line that is named.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static ConfigFile? Join(ref string[] words)
    {
        if (words is not ["serve", ..] || PathIn(words) is not { } path)
            return null;
        if (path.Length == 0)
            throw UsageText.EmptyName($"--{Option}");
        ConfigFile file = new(path);
        file.Read(TextOf(path));
        HashSet<string> said = [.. words.Where(word => word.StartsWith("--", StringComparison.Ordinal)).Select(word => word[2..].Split('=')[0])];
        foreach (string name in file._values.Keys.Where(said.Contains))
            file._lines.Remove(name);
        words = [.. words, .. file._lines.Keys.SelectMany(name => file._values[name].SelectMany(value => Words(name, value)))];
        return file;
    }

    /// <summary>The message on an option's value with the file and the line in place of the option, if the file has the option.</summary>
    public string Locate(string message)
    {
        string name = message.StartsWith("--", StringComparison.Ordinal) ? message[2..].Split(' ', ':', ',')[0] : "";
        return _lines.TryGetValue(name, out int line) ? At(line, message[2..]) : message;
    }

    private static string TextOf(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new IOException($"{path}: there is no such file");
        }
        catch (UnauthorizedAccessException)
        {
            throw new IOException($"{path}: {(Directory.Exists(path) ? "it is a directory; write the name of a file" : $"user {geteuid()} may not read it")}");
        }
    }

    // In one word, as the value may begin with a hyphen; the parser takes none there that begins with a space.
    private static string[] Words(string name, string value) => value.Length == 0 ? [$"--{name}"] : value[0] == ' ' ? [$"--{name}", value] : [$"--{name}={value}"];

    private static string? PathIn(string[] words)
    {
        int at = Array.FindLastIndex(words, word => word == $"--{Option}" || word.StartsWith($"--{Option}=", StringComparison.Ordinal));
        return at < 0 ? null : words[at].Contains('=') ? words[at][(words[at].IndexOf('=') + 1)..] : at + 1 < words.Length ? words[at + 1] : null;
    }

    private void Read(string text)
    {
        Dictionary<string, Type> options = Verbs.OptionsOf(typeof(ServeVerb)).Where(one => one.Name != Option).ToDictionary(one => one.Name, one => one.Property.PropertyType);
        try
        {
            TomlParser parser = TomlParser.Create(text);
            while (parser.MoveNext())
            {
                if (parser.Current.Kind == TomlParseEventKind.PropertyName)
                    ReadOption(parser, options, parser.Current.Line);
            }
        }
        catch (TomlException e)
        {
            throw new UsageException(At(e.Line ?? 1, e.Message.Split('\n')[0].Split(" : error : ")[^1]));
        }
    }

    private void ReadOption(TomlParser parser, Dictionary<string, Type> options, int line)
    {
        string name = parser.GetPropertyName();
        parser.MoveNext();
        if (parser.Current.Kind == TomlParseEventKind.StartTable)
            throw new UsageException(At(line, $"{Printable.Of(name)}: there are no tables; write each option as NAME = VALUE"));
        if (!options.TryGetValue(name, out Type? type))
            throw new UsageException(At(line, $"{Printable.Of(name)} is no option of serve{Verbs.Suggest(name, options.Keys)}"));
        if (!_lines.TryAdd(name, line))
            throw new UsageException(At(line, $"{name} is in line {_lines[name]} too"));
        List<string> values = [];
        bool isList = parser.Current.Kind == TomlParseEventKind.StartArray && type == typeof(IEnumerable<string>);
        while (isList && parser.MoveNext() && parser.Current.Kind != TomlParseEventKind.EndArray)
            values.Add(Value(parser, name, typeof(string), line)!);
        if (!isList && Value(parser, name, type, line) is { } value)
            values.Add(value);
        _values.Add(name, values);
    }

    // Of a switch: nothing behind its name, and null where it is off.
    private string? Value(TomlParser parser, string name, Type type, int line)
    {
        TomlParseEvent value = parser.Current;
        bool isNumber = type == typeof(int) || type == typeof(int?);
        string wanted = isNumber ? "a whole number" : type == typeof(bool) ? "true or false" : type == typeof(string) ? "a text in quotes" : "a text in quotes, or several in brackets";
        return value.Kind switch
        {
            TomlParseEventKind.Integer when isNumber && value.GetInt64() is >= int.MinValue and <= int.MaxValue and var number => number.ToString(CultureInfo.InvariantCulture),
            TomlParseEventKind.Boolean when type == typeof(bool) => value.GetBoolean() ? "" : null,
            TomlParseEventKind.String when !isNumber && type != typeof(bool) && parser.GetString() is { Length: > 0 } text => text.Any(char.IsControl)
                ? throw new UsageException(At(line, $"{name}: write a text in one line, without control characters"))
                : text,
            _ => throw new UsageException(At(line, $"{name}: write {wanted}")),
        };
    }

    private string At(int line, string message) => $"{_path}:{line}: {message}";
}
