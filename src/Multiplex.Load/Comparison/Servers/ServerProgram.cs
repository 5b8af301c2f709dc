using System.Diagnostics;

namespace Multiplex.Load.Comparison.Servers;

/// <summary>A program that is to become a server: its process, and what it said last.</summary>
internal sealed class ServerProgram
{
    /// <summary>How long a start or an end may take.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    private readonly OutputTail _errors;
    private OutputTail? _output;

    private ServerProgram(Process process) => (Process, _errors) = (process, new(process.StandardError));

    public Process Process { get; }

    /// <summary>How it ended and what it said last: on standard error, or if that was nothing, on standard output.</summary>
    public string End
    {
        get
        {
            const int SignalBase = 128;   // as the shell has it
            string status = Process.ExitCode > SignalBase
                ? $"ended by signal {Process.ExitCode - SignalBase}"
                : $"ended with status {Process.ExitCode}";
            string said = _errors.ToString() is { Length: > 0 } errors ? errors : $"{_output}";
            return said.Length > 0 ? $"{status}: {said}" : status;
        }
    }

    /// <summary>Starts it. Its standard error is read; its standard output is the caller's to read.</summary>
    public static ServerProgram Start(string program, IEnumerable<string> arguments)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment[ServerGuard.Variable] = ServerGuard.Value;
        return new(Process.Start(start)!);
    }

    /// <summary>Reads its standard output from now on.</summary>
    public void ReadOutput() => _output = new(Process.StandardOutput);

    /// <summary>Ends it, if it has not ended, and what it has started.</summary>
    public void Kill()
    {
        if (Process.HasExited)
            return;
        Process.Kill(entireProcessTree: true);
        Process.WaitForExit(Timeout);
    }

    /// <summary>Ends a process that has not become a server, and says why not.</summary>
    /// <param name="what">The command.</param>
    public IOException Failed(string what)
    {
        string why = Process.HasExited ? End : $"did not listen within {Timeout.TotalSeconds:0} s";
        Kill();
        Process.Dispose();
        return new($"{what} {why}");
    }
}
