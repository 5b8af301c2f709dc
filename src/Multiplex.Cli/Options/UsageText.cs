using System.Reflection;
using CommandLine;
using CommandLine.Text;
using Multiplex.Cli.Output;

namespace Multiplex.Cli.Options;

/// <summary>An error of the parser, in one line; or the help, if it was requested.</summary>
internal static class UsageText
{
    /// <summary>Prints help to standard output, or reports the first error.</summary>
    /// <returns>The exit status.</returns>
    public static int Report(ParserResult<object> result, Error[] errors, Action<string> report)
    {
        if (errors.IsVersion())
        {
            StandardStream.Output.WriteLine(HeadingInfo.Default);
            return ExitStatus.Done;
        }

        if (errors.IsHelp())
        {
            Type? verb = errors.OfType<HelpVerbRequestedError>().FirstOrDefault()?.Type ?? VerbOf(result);
            foreach (string line in HelpPage.Of(verb, Terminal.Width))
                StandardStream.Output.WriteLine(line.Replace('\u00a0', ' '));
            return ExitStatus.Done;
        }

        report($"{Describe(errors[0], VerbOf(result))}; see multiplex {(VerbOf(result) is { } of ? Verbs.NameOf(of) + " " : "")}--help");
        return ExitStatus.Usage;
    }

    /// <summary>
    /// Finds the errors that the parser does not report: an option without its value at the end of the line, and words that
    /// belong to no option. Every option takes one value, except for a few switches and lists; only some verbs take words beside the options, and most of these a few.
    /// </summary>
    /// <returns>One line on what is wrong, or null.</returns>
    public static string? FindMisplaced(string[] arguments)
    {
        if (arguments is [] || Verbs.Find(arguments[0]) is not { } verb)
            return null;
        string[] switches = ["--help", "--version", .. Verbs.SwitchesOf(verb).Select(name => $"--{name}")];
        int left = Verbs.MostWords(verb);
        bool isInList = false;   // of a verb that takes words: the parser adds those behind the value of such an option to it
        for (int i = 1; i < arguments.Length; i++)
        {
            string word = arguments[i];
            if (word == "--")
                continue;   // as the parser does
            if (!word.StartsWith('-'))
            {
                if (Verbs.TakesWords(verb) && (isInList || left-- > 0))
                    continue;
                return $"'{word}' {(Verbs.TakesWords(verb) ? "is a word too many" : "belongs to no option")}; see multiplex {arguments[0]} --help";
            }

            isInList = Verbs.OptionsOf(verb).Any(option => $"--{option.Name}" == word.Split('=')[0] && option.Property.PropertyType == typeof(IEnumerable<string>));
            if (switches.Contains(word) || word.Contains('='))
                continue;
            if (!word.StartsWith("--", StringComparison.Ordinal))
            {
                if (Verbs.TakesWords(verb))
                    continue;
                return null;
            }

            if (!Verbs.OptionsOf(verb).Any(option => $"--{option.Name}" == word))
                return null;   // the parser reports that there is no such option
            i++;
            if (i == arguments.Length || arguments[i].StartsWith("--", StringComparison.Ordinal))
                return $"{word} needs a value; see multiplex {arguments[0]} --help";
        }

        return null;
    }

    /// <summary>The verb. Each name of a file or directory that it has, after an option or beside them, is one.</summary>
    /// <exception cref="UsageException">One is empty.</exception>
    public static IVerb WithNames(IVerb verb)
    {
        foreach (PropertyInfo property in Verbs.OptionsOf(verb.GetType()).Select(option => option.Property).Concat(Verbs.WordsOf(verb.GetType())))
        {
            OptionAttribute? option = property.GetCustomAttribute<OptionAttribute>();
            string form = option?.MetaValue ?? property.GetCustomAttribute<ValueAttribute>()?.MetaName ?? "";
            if (form.Split('|', '.', ' ').FirstOrDefault(word => word is "FILE" or "DIR") is { } kind && HasEmpty(property.GetValue(verb)))
                throw EmptyName(option is null ? form : $"--{option.LongName}", kind);
        }

        return verb;
    }

    private static bool HasEmpty(object? value) => value is "" || (value is IEnumerable<string> list && list.Contains(""));

    /// <summary>The mistake that an option's name of a file or directory is empty.</summary>
    public static UsageException EmptyName(string option, string kind = "FILE") => new($"{option} is empty: write the name of a {(kind == "DIR" ? "directory" : "file")}");

    private static Type? VerbOf(ParserResult<object> result) => Array.Find(Verbs.All, verb => verb == result.TypeInfo.Current);

    private static string Describe(Error error, Type? verb) => error switch
    {
        NoVerbSelectedError => $"a verb is missing: {Verbs.Names}",
        BadVerbSelectedError bad => $"'{bad.Token}' is no verb"
            + (Verbs.Suggest(bad.Token, Verbs.All.Select(Verbs.NameOf)) is { Length: > 0 } suggestion ? suggestion : $": write {Verbs.Names}"),
        UnknownOptionError unknown => $"there is no option '{unknown.Token}'"
            + (verb is null ? "" : Verbs.Suggest(unknown.Token, Verbs.OptionsOf(verb).Select(option => option.Name), "--")),
        MissingRequiredOptionError missing when missing.NameInfo.NameText.Length == 0 => $"an argument is missing{(verb is null ? "" : $": write {string.Join(' ', Verbs.ValuesOf(verb).Where(value => value.Required).Select(value => value.MetaName))}")}",
        MissingRequiredOptionError missing => $"--{missing.NameInfo.LongName} is missing",
        MissingValueOptionError missing => $"--{missing.NameInfo.LongName} needs a value",
        BadFormatConversionError bad => $"the value of --{bad.NameInfo.LongName} is not of the right form",
        BadFormatTokenError bad when bad.Token.IndexOf('=') is > 0 and int end => end + 1 == bad.Token.Length
            ? $"{bad.Token[..end]} needs a value"
            : $"{bad.Token[..end]}: a value that has a line break, or begins with a space, is a word of its own: {bad.Token[..end]} VALUE",
        RepeatedOptionError repeated => $"--{repeated.NameInfo.LongName} is given twice",
        _ => $"wrong usage ({error.Tag})",
    };
}
