using System.Text.RegularExpressions;

namespace Multiplex.ServerTests.Harness.Packages;

/// <summary>The verbs and their options, as the command's own help lists them.</summary>
internal static partial class HelpOfVerbs
{
    /// <summary>All verbs.</summary>
    public static string[] Verbs { get; } = [.. Names(Verb(), "--help")];

    /// <summary>The options of a verb, such as <c>--model</c>.</summary>
    public static string[] OptionsOf(string verb) => [.. Names(Option(), verb, "--help")];

    private static IEnumerable<string> Names(Regex entry, params string[] arguments) =>
        ProgramRun.Successfully(ServerProcess.Command, arguments).Lines.Select(line => entry.Match(line)).Where(match => match.Success).Select(match => match.Groups[1].Value);

    [GeneratedRegex("^  ([a-z-]+)  ")]
    private static partial Regex Verb();

    [GeneratedRegex("^  (--[a-z-]+)")]
    private static partial Regex Option();
}
