using System.Diagnostics;
using Mono.Unix.Native;
using Multiplex.ServerTests.Harness.Kernel;

namespace Multiplex.ServerTests.Harness;

/// <summary>A <c>multiplex compare</c> that runs, and the servers that it has started.</summary>
internal sealed class CompareProcess : IDisposable
{
    private const string Tag = "MULTIPLEX_TEST_COMPARE";

    private readonly string _tag = Guid.NewGuid().ToString("N");
    private readonly Process _process;
    private readonly List<string> _output = [];
    private readonly List<string> _errors = [];

    private CompareProcess(string[] options)
    {
        ProcessStartInfo start = new(ServerProcess.Command, ["compare", .. options]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment[Tag] = _tag;
        _process = new() { StartInfo = start };
        _process.OutputDataReceived += (_, e) => Keep(_output, e.Data);
        _process.ErrorDataReceived += (_, e) => Keep(_errors, e.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Lines of standard output so far.</summary>
    public string[] Output => Copy(_output);

    /// <summary>Lines of standard error so far.</summary>
    public string[] Errors => Copy(_errors);

    public static CompareProcess Start(params string[] options) => new(options);

    /// <summary>Processes that it has started and that live, also those whose parent has died.</summary>
    public List<ProcessEntry> Servers() => [.. ProcessTable.WithEnvironment($"{Tag}={_tag}").Where(process => process.Id != _process.Id)];

    public void Signal(Signum signal) => ServerProcess.Signal(_process.Id, signal);

    /// <returns>The exit status.</returns>
    public int WaitForExit()
    {
        NUnit.Framework.Assert.That(_process.WaitForExit(2 * Eventually.Deadline), NUnit.Framework.Is.True, () => string.Join('\n', Errors));
        _process.WaitForExit();   // until both streams have been read to their ends
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.WaitForExit();
        Servers().ForEach(process => Syscall.kill(process.Id, Signum.SIGKILL));
        _process.Dispose();
    }

    private static void Keep(List<string> lines, string? line)
    {
        if (line is null)
            return;
        lock (lines)
            lines.Add(line);
    }

    private static string[] Copy(List<string> lines)
    {
        lock (lines)
            return [.. lines];
    }
}
