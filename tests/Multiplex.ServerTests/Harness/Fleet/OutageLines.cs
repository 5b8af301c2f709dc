using NUnit.Framework;

namespace Multiplex.ServerTests.Harness.Fleet;

/// <summary>What a process says of an etcd that does not answer, and that it answers again. An etcd that is slow for a moment is an outage too.</summary>
internal static class OutageLines
{
    private const string End = "etcd answers again";

    // Of what follows etcd, and of what writes to it.
    private static readonly string[] s_kinds = ["what was known of the fleet is used", "registrations are written when it answers"];

    /// <summary>How many outages it has said.</summary>
    public static int Count(ServerProcess process) => process.Errors.Count(IsBeginning);

    /// <summary>The same, once it has said the end of each.</summary>
    public static int CountWithout(ServerProcess process)
    {
        string[] lines = [];
        Eventually.Holds(
            () =>
            {
                lines = [.. process.Errors];
                return lines.Count(IsBeginning) == lines.Count(IsEnd);
            },
            () => string.Join('\n', process.Errors));
        return lines.Count(IsBeginning);
    }

    /// <summary>An outage is said once: before the next line of its kind, its end is said. An end is that of an outage.</summary>
    public static void EachIsSaidOnce(ServerProcess process)
    {
        string[] lines = [.. process.Errors];
        foreach (string kind in s_kinds)
        {
            string[] said = [.. lines.Where(line => IsOf(line, kind) || IsEnd(line))];
            Assert.That(said.Zip(said.Skip(1)).Any(two => IsOf(two.First, kind) && IsOf(two.Second, kind)), Is.False, () => $"twice: {string.Join('\n', lines)}");
        }

        for (int i = 1; i <= lines.Length; i++)
            Assert.That(lines.Take(i).Count(IsEnd), Is.AtMost(lines.Take(i).Count(IsBeginning)), () => $"an end of nothing: {string.Join('\n', lines)}");
    }

    private static bool IsBeginning(string line) => Array.Exists(s_kinds, kind => IsOf(line, kind));

    private static bool IsEnd(string line) => line.Contains(End, StringComparison.Ordinal);

    private static bool IsOf(string line, string kind) => line.Contains(kind, StringComparison.Ordinal);
}
