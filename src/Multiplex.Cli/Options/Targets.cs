using Multiplex.Load.Comparison;

namespace Multiplex.Cli.Options;

/// <summary>Reads the options that name servers.</summary>
internal static class Targets
{
    /// <summary>A server that is another program, after <c>--peer</c>.</summary>
    public static PeerTarget Peer(string text) =>
        text.Split('=', 2) is [{ Length: > 0 } name, { } command] && command.Contains(PeerTarget.PortMark, StringComparison.Ordinal)
            ? new(name, command)
            : throw new UsageException($"--peer {text}: write NAME=COMMAND with {PeerTarget.PortMark} where the port belongs");

    /// <summary>Throws if there is none, or two have the same name.</summary>
    /// <param name="targets">The servers.</param>
    /// <param name="what">The verb, for the message.</param>
    public static void Check(IReadOnlyList<Target> targets, string what)
    {
        if (targets.Count == 0)
            throw new UsageException($"--models none leaves nothing to {what}: add --peer 'NAME=COMMAND with {PeerTarget.PortMark}'");
        if (targets.Select(one => one.Name).GroupBy(name => name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new UsageException($"--peer {twice.Key}=…: that name is taken; choose another");
    }

    /// <summary>The items of a list, without repetitions.</summary>
    public static IEnumerable<T> Chosen<T>(string option, string names, IReadOnlyList<T> all, Func<T, string> nameOf) =>
        names.Split(',').Distinct().Select(name => Values.Named(option, name, all, nameOf));

    /// <summary>The command that runs this program: its own executable, or as an argument of dotnet.</summary>
    public static string[] ThisCommand()
    {
        string program = Environment.ProcessPath ?? throw new IOException("the path of this program is not known");
        return Path.GetFileName(program) == "dotnet" ? [program, Environment.GetCommandLineArgs()[0]] : [program];
    }
}
