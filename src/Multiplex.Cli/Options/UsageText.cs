using CommandLine;
using CommandLine.Text;
using Multiplex.Cli.Output;

namespace Multiplex.Cli.Options;

/// <summary>What the parser found wrong, in one line; or the help that was asked for.</summary>
internal static class UsageText
{
    /// <summary>Prints help to standard output, or the first error to standard error.</summary>
    /// <returns>The exit status.</returns>
    public static int Report(ParserResult<object> result, Error[] errors)
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

        StandardStream.Error.WriteLine(
            $"multiplex: {Describe(errors[0], VerbOf(result))}; see multiplex {(VerbOf(result) is { } of ? Verbs.NameOf(of) + " " : "")}--help");
        return ExitStatus.Usage;
    }

    /// <summary>
    /// What the parser would pass over in silence: an option without its value at the end of the line, and words that
    /// belong to no option. Every option takes one value, but for a few that are switches; only some verbs take words of their own.
    /// </summary>
    /// <returns>One line on what is wrong, or null.</returns>
    public static string? FindMisplaced(string[] arguments)
    {
        if (arguments is [] || Verbs.Find(arguments[0]) is not { } verb)
            return null;
        string[] switches = ["--help", "--version", .. Verbs.SwitchesOf(verb).Select(name => $"--{name}")];
        for (int i = 1; i < arguments.Length; i++)
        {
            string word = arguments[i];
            if (word == "--")
                return null;
            if (switches.Contains(word) || (word.StartsWith('-') && word.Contains('=')))
                continue;
            if (!word.StartsWith("--", StringComparison.Ordinal))
            {
                if (Verbs.TakesWords(verb))
                    continue;
                return word.StartsWith('-') ? null : $"'{word}' belongs to no option; see multiplex {arguments[0]} --help";
            }

            if (!Verbs.OptionsOf(verb).Any(option => $"--{option.Name}" == word))
                return null;   // the parser says that there is none
            i++;
            if (i == arguments.Length || arguments[i].StartsWith("--", StringComparison.Ordinal))
                return $"{word} needs a value; see multiplex {arguments[0]} --help";
        }

        return null;
    }

    private static Type? VerbOf(ParserResult<object> result) => Array.Find(Verbs.All, verb => verb == result.TypeInfo.Current);

    private static string Describe(Error error, Type? verb) => error switch
    {
        NoVerbSelectedError => $"a verb is missing: {Verbs.Names}",
        BadVerbSelectedError bad => $"'{bad.Token}' is no verb"
            + (Verbs.Suggest(bad.Token, Verbs.All.Select(Verbs.NameOf)) is { Length: > 0 } suggestion ? suggestion : $": write {Verbs.Names}"),
        UnknownOptionError unknown => $"there is no option '{unknown.Token}'"
            + (verb is null ? "" : Verbs.Suggest(unknown.Token, Verbs.OptionsOf(verb).Select(option => option.Name), "--")),
        MissingRequiredOptionError missing when missing.NameInfo.NameText.Length == 0 => "an argument is missing",
        MissingRequiredOptionError missing => $"--{missing.NameInfo.LongName} is missing",
        MissingValueOptionError missing => $"--{missing.NameInfo.LongName} needs a value",
        BadFormatConversionError bad => $"the value of --{bad.NameInfo.LongName} is not of the right form",
        RepeatedOptionError repeated => $"--{repeated.NameInfo.LongName} is given twice",
        _ => $"wrong usage ({error.Tag})",
    };
}
