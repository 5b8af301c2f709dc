using System.Diagnostics;

namespace Multiplex.Load.Comparison.Servers;

/// <summary>
/// A process that kills the processes that the servers left behind, after the comparison has ended in any way. PR_SET_PDEATHSIG
/// is not sufficient: it depends on the thread that forked, and the children of a peer do not inherit it.
/// </summary>
internal sealed class ServerGuard : IDisposable
{
    // An environment variable that every server gets and its children inherit. Its value is unique to this comparison.
    private const string Variable = "MULTIPLEX_COMPARISON";
    private static readonly string s_value = Guid.NewGuid().ToString("N");

    // The standard input of the script ends when the comparison ends. The script ignores the signals that a terminal sends to the whole group.
    private const string Script = """
        trap '' INT TERM HUP QUIT
        cat > /dev/null
        while found=$(grep -lasF -- "$1" /proc/[0-9]*/environ); [ -n "$found" ]; do
            for file in $found; do
                pid=${file#/proc/}
                kill -KILL "${pid%/environ}"
            done
            sleep 0.1
        done
        """;

    private readonly Process _process;

    private ServerGuard(Process process) => _process = process;

    /// <summary>The variable in the environment of every server by which the guard finds it.</summary>
    public static IReadOnlyDictionary<string, string> Environment { get; } = new Dictionary<string, string> { [Variable] = s_value };

    /// <summary>Starts it.</summary>
    public static ServerGuard Start() => new(Process.Start(
        new ProcessStartInfo("/bin/sh", ["-c", Script, "guard", $"{Variable}={s_value}"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!);

    /// <summary>Makes the guard kill the remaining processes, and waits for its end.</summary>
    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }
}
