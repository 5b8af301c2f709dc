using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using CommandLine;
using Multiplex.Cli.Files;
using Multiplex.Cli.Loading;
using Multiplex.Cli.Options;
using Multiplex.Cli.Serving;
using Multiplex.Cli.Serving.Configuration;

// CommandLineParser and the help reflect on the classes of the options. The project keeps both assemblies whole: TrimmerRootAssembly.
[module: UnconditionalSuppressMessage("Trimming", "IL2070", Justification = "The classes of the options are kept whole.")]

namespace Multiplex.Cli;

/// <summary>The verbs, and suggestions for a mistyped one.</summary>
internal static class Verbs
{
    /// <summary>Their options, in the order of the help.</summary>
    public static readonly Type[] All =
    [
        typeof(ServeVerb), typeof(CheckConfigOptions), typeof(LoadVerbOptions), typeof(AgentOptions), typeof(CompareVerbOptions), typeof(TraceOptions), typeof(CheckVerbOptions), typeof(WatchOptions), typeof(CallOptions),
        typeof(NfsOptions), typeof(ShowmountOptions), typeof(RpcbindOptions), typeof(RpcinfoOptions), typeof(RpcgenOptions), typeof(ModelsOptions), typeof(TourOptions),
    ];

    /// <summary>The names, for messages.</summary>
    public static string Names { get; } = $"{string.Join(", ", All[..^1].Select(NameOf))} or {NameOf(All[^1])}";

    /// <summary>A verb's name.</summary>
    public static string NameOf(Type verb) => verb.GetCustomAttribute<VerbAttribute>()!.Name;

    /// <summary>The verb of this name, if there is one.</summary>
    public static Type? Find(string name) => Array.Find(All, verb => NameOf(verb) == name);

    /// <summary>The long names of a verb's options that take no value.</summary>
    public static IEnumerable<string> SwitchesOf(Type verb) => OptionsOf(verb).Where(one => one.Property.PropertyType == typeof(bool)).Select(one => one.Name);

    /// <summary>The long names of all its options, in the order of the help.</summary>
    public static IEnumerable<(string Name, PropertyInfo Property)> OptionsOf(Type verb)
    {
        PropertyInfo[] all = [.. verb.GetProperties().Where(property => property.IsDefined(typeof(OptionAttribute)))];
        PropertyInfo[] own = Array.FindAll(all, property => property.DeclaringType == verb);
        int first = Array.FindIndex(own, property => property.GetCustomAttribute<SectionAttribute>() is { IsAfterInherited: true });
        int place = first < 0 ? own.Length : first;
        return ((PropertyInfo[])[.. own[..place], .. all.Except(own), .. own[place..]]).Select(property => (OptionOf(property).LongName, property));
    }

    /// <summary>All its options in the order of the help, by section; without sections, in one that has no title.</summary>
    public static IReadOnlyList<(string Title, IReadOnlyList<OptionAttribute> Options)> SectionsOf(Type verb)
    {
        List<(string Title, IReadOnlyList<OptionAttribute> Options)> sections = [];
        List<OptionAttribute> options = [];
        foreach ((_, PropertyInfo property) in OptionsOf(verb))
        {
            if (property.GetCustomAttribute<SectionAttribute>() is { } section)
                sections.Add((section.Title, options = []));
            else if (sections.Count == 0)
                sections.Add(("", options));
            options.Add(OptionOf(property));
        }

        return sections;
    }

    /// <summary>The words that it takes beside options.</summary>
    public static IEnumerable<ValueAttribute> ValuesOf(Type verb) => WordsOf(verb).Select(word => word.GetCustomAttribute<ValueAttribute>()!);

    /// <summary>The properties that have these words.</summary>
    public static IEnumerable<PropertyInfo> WordsOf(Type verb) => verb.GetProperties().Where(property => property.IsDefined(typeof(ValueAttribute)));

    /// <summary>The help of an option.</summary>
    public static OptionAttribute OptionOf(PropertyInfo property) => property.GetCustomAttribute<OptionAttribute>()!;

    /// <summary>Whether a verb takes words that belong to no option.</summary>
    public static bool TakesWords(Type verb) => ValuesOf(verb).Any();

    /// <summary>How many such words it takes: where it has a list, any number.</summary>
    public static int MostWords(Type verb) => WordsOf(verb).Any(word => word.PropertyType == typeof(IEnumerable<string>)) ? int.MaxValue : WordsOf(verb).Count();

    /// <summary>": did you mean …?" with the nearest of these names, if one is near enough; else nothing.</summary>
    public static string Suggest(string word, IEnumerable<string> names, string prefix = "")
    {
        int mostChanges = Math.Max(word.Length / 3, 1);
        string? nearest = names.Where(name => Changes(word, name) <= mostChanges).MinBy(name => Changes(word, name));
        return nearest is null ? "" : $": did you mean {prefix}{nearest}?";
    }

    // The least number of letters to insert, remove, replace or swap with the next: the optimal string alignment distance.
    private static int Changes(string from, string to)
    {
        int[,] changes = new int[from.Length + 1, to.Length + 1];
        for (int i = 0; i <= from.Length; i++)
        {
            for (int j = 0; j <= to.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    changes[i, j] = i + j;
                    continue;
                }

                int kept = changes[i - 1, j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
                changes[i, j] = Math.Min(kept, Math.Min(changes[i - 1, j], changes[i, j - 1]) + 1);
                if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
                    changes[i, j] = Math.Min(changes[i, j], changes[i - 2, j - 2] + 1);
            }
        }

        return changes[from.Length, to.Length];
    }
}
