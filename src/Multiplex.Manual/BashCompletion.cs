using System.Text;
using CommandLine;
using Multiplex.Cli;

namespace Multiplex.Manual;

/// <summary>The completion of bash: a function that fills COMPREPLY, as bash(1), "Programmable Completion", says. It needs no other script.</summary>
internal static class BashCompletion
{
    // The words are those between spaces of the line: bash also breaks them at ':' and '=', which endpoints and --option=value have.
    private const string Opening = """
        # bash completion of multiplex(1). Generated from the options of the command.
        _multiplex() {
            local line=${COMP_LINE:0:COMP_POINT} verb option current before candidate
            local -a words candidates=()
            read -ra words <<<"$line"
            if [[ $line == *[[:space:]] ]]; then words+=(""); fi
            verb=${words[1]} current=${words[-1]} option="" before=""
            if ((${#words[@]} > 2)); then option=${words[-2]}; fi
            if [[ $current == --*=* ]]; then
                option=${current%%=*} before=$option= current=${current#*=}
            fi
            if ((${#words[@]} == 2)); then verb="" option=""; fi
            # How many words that belong to no option precede the current one.
            local position=0 i switches=""
            case "$verb" in

        """;

    private const string AfterSwitches = """
            esac
            for ((i = 2; i < ${#words[@]} - 1; i++)); do
                case ${words[i]} in
                --*=*) ;;
                -*) if [[ " $switches " != *" ${words[i]} "* ]]; then i=$((i + 1)); fi ;;
                *) position=$((position + 1)) ;;
                esac
            done
            COMPREPLY=()
            case "$verb $option" in

        """;

    private const string AfterValues = """
            *)
                if [[ -n $before ]]; then return; fi
                case "$verb" in

        """;

    private const string Closing = """
                *) return ;;
                esac
                ;;
            esac
            # What was typed before a break that bash sees stays: only the rest of the word is replaced.
            local typed=$before$current
            typed=${typed%"${typed##*[:=]}"}
            for candidate in "${candidates[@]}"; do COMPREPLY+=("${candidate#"$typed"}"); done
        }

        # The candidates that begin like the current word.
        _multiplex_words() {
            mapfile -t -O "${#candidates[@]}" candidates < <(compgen -P "$before" -W "$1" -- "$current")
        }

        # The same, of names with commas between them.
        _multiplex_list() {
            local before=$before current=$current
            if [[ $current == *,* ]]; then
                before+=${current%,*},
                current=${current##*,}
            fi
            _multiplex_words "$1"
        }

        # Files or folders (compgen's option in $1) whose names begin so, after a prefix of the word.
        _multiplex_files() {
            compopt -o filenames 2>/dev/null
            mapfile -t -O "${#candidates[@]}" candidates < <(compgen "$1" -P "$before${2-}" -- "${current#"${2-}"}")
        }

        _multiplex_endpoints() {
            case $current in
            unix*:@*) ;;
            unix*:*) _multiplex_files -f "${current%%:*}:" ;;
            *)
                compopt -o nospace 2>/dev/null
                _multiplex_words "$1"
                ;;
            esac
        }

        complete -F _multiplex multiplex

        """;

    /// <summary>The script.</summary>
    public static string Script() => Opening + string.Concat(Verbs.All.Select(Switches)) + AfterSwitches + string.Concat(Verbs.All.SelectMany(Values)) + AfterValues + Words() + Closing;

    private static string Switches(Type verb) => $"    {Verbs.NameOf(verb)}) switches=\"{string.Join(' ', Options(verb).Where(option => Candidates.IsSwitch(verb, option)).SelectMany(Names))}\" ;;\n";

    // The value of each option.
    private static IEnumerable<string> Values(Type verb)
    {
        foreach (OptionAttribute option in Options(verb).Where(option => !Candidates.IsSwitch(verb, option)))
        {
            string names = string.Join(" | ", Names(option).Select(name => $"\"{Verbs.NameOf(verb)} {name}\""));
            yield return $"    {names}) {Offer(Candidates.For(verb, option.MetaValue))} ;;\n";
        }
    }

    // The verbs; after a verb its options, and what its own words are.
    private static string Words()
    {
        StringBuilder text = new($"        \"\") _multiplex_words \"{string.Join(' ', Verbs.All.Select(Verbs.NameOf))} --help --version\" ;;\n");
        foreach (Type verb in Verbs.All)
        {
            text.Append($"        {Verbs.NameOf(verb)})\n            if [[ $current == -* ]]; then\n");
            text.Append($"                _multiplex_words \"{string.Join(' ', [.. Options(verb).SelectMany(Names), "--help"])}\"\n");
            text.Append("            else\n");
            text.Append("                case $position in\n");
            foreach (ValueAttribute value in Verbs.ValuesOf(verb))
                text.Append($"                {value.Index}) {Offer(Candidates.For(verb, value.MetaName))} ;;\n");
            text.Append("                esac\n            fi\n            ;;\n");
        }

        return text.ToString();
    }

    private static IEnumerable<OptionAttribute> Options(Type verb) => Verbs.SectionsOf(verb).SelectMany(section => section.Options);

    private static IEnumerable<string> Names(OptionAttribute option) => option.ShortName.Length > 0 ? [$"--{option.LongName}", $"-{option.ShortName}"] : [$"--{option.LongName}"];

    private static string Offer(Candidates values) => values switch
    {
        { Files: true } => "_multiplex_files -f",
        { Folders: true } => "_multiplex_files -d",
        { Words: [] } => ":",
        { AreEndpoints: true } => $"_multiplex_endpoints \"{string.Join(' ', values.Words)}\"",
        { AreSeveral: true } => $"_multiplex_list \"{string.Join(' ', values.Words)}\"",
        _ => $"_multiplex_words \"{string.Join(' ', values.Words)}\"",
    };
}
