using CommandLine;
using Multiplex.Cli;

namespace Multiplex.Manual;

/// <summary>The completion of zsh: a function of zshcompsys(1), which hands each verb's options to _arguments.</summary>
internal static class ZshCompletion
{
    private const string Opening = """
        #compdef multiplex
        # zsh completion of multiplex(1). Generated from the options of the command.

        _multiplex_endpoints() {
            if compset -P 'unix(packet|gram|):'; then
                _files
            else
                compadd -S '' "$@"
            fi
        }

        _multiplex() {
            local curcontext=$curcontext state state_descr line
            typeset -A opt_args
            _arguments -C '(- *)--help[Show the verbs.]' '(- *)--version[Show the version.]' '1:verb:->verb' '*::argument:->arguments' && return
            case $state in
            verb)
                local -a verbs=(

        """;

    private const string AfterVerbs = """
                )
                _describe verb verbs
                ;;
            arguments)
                case $words[1] in

        """;

    private const string Closing = """
                esac
                ;;
            esac
        }

        _multiplex "$@"

        """;

    /// <summary>The script.</summary>
    public static string Script() => Opening + string.Concat(Verbs.All.Select(VerbEntry)) + AfterVerbs + string.Concat(Verbs.All.Select(Arguments)) + Closing;

    private static string VerbEntry(Type verb)
    {
        VerbAttribute about = (VerbAttribute)Attribute.GetCustomAttribute(verb, typeof(VerbAttribute))!;
        return $"            {Quote($"{about.Name}:{Escape(FirstSentence(about.HelpText))}")}\n";
    }

    private static string Arguments(Type verb)
    {
        IEnumerable<string> options = Verbs.OptionsOf(verb).SelectMany(one => Options(verb, Verbs.OptionOf(one.Property), MayRepeat(one.Property.PropertyType)));
        IEnumerable<string> words = Verbs.ValuesOf(verb).Select(value =>
            $"{(value.MetaName is "ARGUMENT" or "LESSON" or "URL|FILE" ? "*" : value.Index + 1)}:{Escape(value.MetaName)}:{Action(Candidates.For(verb, value.MetaName))}");
        string[] all = ["(- *)--help[Show the options.]", .. options, .. words];
        return $"        {Verbs.NameOf(verb)})\n            _arguments {string.Join(" \\\n                ", all.Select(Quote))}\n            ;;\n";
    }

    private static bool MayRepeat(Type type) => type != typeof(string) && type.IsAssignableTo(typeof(System.Collections.IEnumerable));

    private static IEnumerable<string> Options(Type verb, OptionAttribute option, bool mayRepeat)
    {
        string about = $"[{Escape(FirstSentence(option.HelpText))}]", value = $":{Escape(option.MetaValue)}:{Action(Candidates.For(verb, option.MetaValue))}";
        if (Candidates.IsSwitch(verb, option))
            return option.ShortName.Length > 0 ? [$"--{option.LongName}{about}", $"-{option.ShortName}{about}"] : [$"--{option.LongName}{about}"];
        return option.ShortName.Length > 0
            ? [$"*--{option.LongName}={about}{value}", $"*-{option.ShortName}+{about}{value}"]
            : [$"{(mayRepeat ? "*" : "")}--{option.LongName}={about}{value}"];
    }

    private static string Action(Candidates values) => values switch
    {
        { Files: true } => "_files",
        { Folders: true } => "_directories",
        { Words: [] } => " ",
        { AreEndpoints: true } => $"_multiplex_endpoints {string.Join(' ', values.Words.Select(Escape))}",
        { AreSeveral: true } => $"_sequence compadd - {string.Join(' ', values.Words)}",
        _ => $"({string.Join(' ', values.Words)})",
    };

    private static string FirstSentence(string text) => text.Split([". ", ": ", "; "], StringSplitOptions.None)[0].TrimEnd('.');

    private static string Escape(string text) => text.Replace(@"\", @"\\").Replace(":", @"\:").Replace("[", @"\[").Replace("]", @"\]");

    private static string Quote(string text) => $"'{text.Replace("'", @"'\''")}'";
}
