using CommandLine;
using Multiplex.Check;
using Multiplex.Cli;
using Multiplex.Demo;
using Multiplex.Load.Comparison;
using Multiplex.Models;
using Multiplex.Sockets;
using Multiplex.Tour.Lessons;

namespace Multiplex.Manual;

/// <summary>What a shell offers where a value is wanted.</summary>
/// <param name="Words">Names, one of which is the value.</param>
/// <param name="AreSeveral">Whether the value is several of them, with commas between.</param>
/// <param name="AreEndpoints">Whether the names are how endpoints begin.</param>
/// <param name="Files">Whether files do.</param>
/// <param name="Folders">Whether folders do.</param>
internal sealed record Candidates(IReadOnlyList<string> Words, bool AreSeveral = false, bool AreEndpoints = false, bool Files = false, bool Folders = false)
{
    // Numbers, times and the like, which have no names.
    private static readonly string[] s_free =
    [
        "", "N", "N,…", "TIME", "BYTES", "BYTES|LINES", "FROM:TO", "LIMITS", "CALLS", "CALL", "HEX", "PERCENT", "PROGRAM/VERSION", "'NAME=COMMAND'", "'COMMAND'", "NAMESPACE",
        "PROCEDURE,…", "NAME[=WORDS]", "ARGUMENT", "PROGRAM", "VERSION", "PATTERN", "NAME", "PID", "NETWORKS", "MODE", "USER[:GROUP]", "URL", "ADDRESS,…",
    ];

    /// <summary>What is offered for an option or a word of a verb, by what stands for its value in the help.</summary>
    /// <exception cref="InvalidOperationException">What stands for its value is not known: add it here.</exception>
    public static Candidates For(Type verb, string placeholder) => placeholder switch
    {
        "MODEL" => new([.. (verb == typeof(RpcbindOptions) ? new RpcbindOptions().Models() : ServerModelCatalog.All).Select(model => model.Name)]),
        "MODEL,…" => new([.. (verb == typeof(TraceOptions) ? ServerModelCatalog.All : CompareVerbOptions.AllModels).Select(model => model.Name), "none"], AreSeveral: true),
        "SCENARIO,…" => new([.. ScenarioCatalog.All.Select(scenario => scenario.Name)], AreSeveral: true),
        "PROTOCOL" when verb == typeof(CheckVerbOptions) => new(CheckSuite.Protocols),
        "PROTOCOL" => new([.. ProtocolCatalog.All.Select(protocol => protocol.Name)]),
        "ORDER" => new([.. Enum.GetNames<ReplyOrder>().Select(name => name.ToLowerInvariant())]),
        "PROCEDURE" => new([.. Enum.GetNames<MultiplexV1Procedure>().Select(name => name.ToLowerInvariant())]),
        "CHECK,…" => new(CheckSuite.Names, AreSeveral: true),
        "ENDPOINT" => new([.. Enum.GetValues<EndpointKind>().Select(kind => kind.IsInternet() ? $"{kind.Prefix()}//" : kind.Prefix())], AreEndpoints: true),
        "HOST" or "HOST[:PORT]" => new(["localhost"]),
        "URL|FILE" => new([], Files: true),
        "LESSON" => new([.. AllLessons.InOrder.Select(lesson => lesson.Name)]),
        "FILE" or "FILE …" or "FILE.x" or "PID|FILE" => new([], Files: true),
        "DIR" or "FOLDER" or "EXPORT" => new([], Folders: true),
        "N|auto" => new(["auto"]),
        "N|all" => new(["all"]),
        _ when s_free.Contains(placeholder) => new([]),
        _ when placeholder.Split('|') is [_, _, ..] words && words.All(word => word.All(char.IsAsciiLetterLower)) => new(words),
        _ => throw new InvalidOperationException($"{placeholder} of {Verbs.NameOf(verb)}: say in Candidates.cs what completes it"),
    };

    /// <summary>Whether an option takes no value.</summary>
    public static bool IsSwitch(Type verb, OptionAttribute option) => Verbs.SwitchesOf(verb).Contains(option.LongName);
}
