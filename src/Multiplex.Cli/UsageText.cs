using CommandLine;
using CommandLine.Text;

namespace Multiplex.Cli;

/// <summary>What the parser found wrong, in one line; or the help that was asked for.</summary>
internal static class UsageText
{
    private const int Width = 110;
    private const string Verbs = "serve, load, compare, call, rpcbind, rpcinfo, rpcgen or models";

    // Options without a value.
    private static readonly string[] s_switches = ["--help", "--version", "--quick", "--find-capacity", "--register", "--indirect", "--echo-any-source"];

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
            StandardStream.Output.WriteLine(Help(result));
            return ExitStatus.Done;
        }

        StandardStream.Error.WriteLine($"multiplex: {Describe(errors[0])}; see multiplex {VerbOf(result)}--help");
        return ExitStatus.Usage;
    }

    /// <summary>
    /// What the parser would pass over in silence: an option without its value at the end of the line, and words that
    /// belong to no option. Every option takes one value, but for a few that are switches; only some verbs take words of their own.
    /// </summary>
    /// <returns>One line on what is wrong, or null.</returns>
    public static string? FindMisplaced(string[] arguments)
    {
        if (arguments is [] or ["help", ..])
            return null;
        bool takesWords = arguments[0] is "call" or "rpcinfo" or "rpcgen";
        for (int i = 1; i < arguments.Length; i++)
        {
            string word = arguments[i];
            if (word == "--")
                return null;
            if (s_switches.Contains(word) || (word.StartsWith('-') && word.Contains('=')))
                continue;
            if (!word.StartsWith("--", StringComparison.Ordinal))
            {
                if (takesWords)
                    continue;
                return word.StartsWith('-') ? null : $"'{word}' belongs to no option; see multiplex {arguments[0]} --help";
            }

            i++;
            if (i == arguments.Length || arguments[i].StartsWith("--", StringComparison.Ordinal))
                return $"{word} needs a value; see multiplex {arguments[0]} --help";
        }

        return null;
    }

    private static string Help(ParserResult<object> result) => HelpText.AutoBuild(
        result,
        text =>
        {
            text.AdditionalNewLineAfterOption = false;
            text.Copyright = "";
            text.MaximumDisplayWidth = Width;
            return text;
        },
        example => example,
        verbsIndex: result.TypeInfo.Current == typeof(NullInstance)).ToString();

    private static string VerbOf(ParserResult<object> result) =>
        result.TypeInfo.Current.GetCustomAttributes(typeof(VerbAttribute), inherit: false) is [VerbAttribute verb] ? verb.Name + " " : "";

    private static string Describe(Error error) => error switch
    {
        NoVerbSelectedError => $"a verb is missing: {Verbs}",
        BadVerbSelectedError bad => $"'{bad.Token}' is no verb: write {Verbs}",
        UnknownOptionError unknown => $"there is no option '{unknown.Token}'",
        MissingRequiredOptionError missing when missing.NameInfo.NameText.Length == 0 => "an argument is missing",
        MissingRequiredOptionError missing => $"--{missing.NameInfo.LongName} is missing",
        MissingValueOptionError missing => $"--{missing.NameInfo.LongName} needs a value",
        BadFormatConversionError bad => $"the value of --{bad.NameInfo.LongName} is not of the right form",
        RepeatedOptionError repeated => $"--{repeated.NameInfo.LongName} is given twice",
        _ => $"wrong usage ({error.Tag})",
    };
}
