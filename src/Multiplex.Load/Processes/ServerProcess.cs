using System.ComponentModel;
using System.Diagnostics;
using Multiplex.Interop;
using Multiplex.Load.Comparison.Usage;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Processes;

/// <summary>
/// A server as a process: starts it, reads the endpoints that it announces, signals it and waits for it. Reads its output at once, so that a full
/// pipe never stops it. Its standard input is empty. Disposing of this object kills the server and every process that the server has started.
/// </summary>
public class ServerProcess : IDisposable
{
    /// <summary>The default timeout of a start and of an end: 30 s.</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(30);

    private const string Announcement = "listening ";

    // An environment variable that all its processes inherit, also those whose parent has ended. Its name differs between instances, so that a server
    // that starts servers with this class passes this variable on to them.
    private readonly string _mark = $"MULTIPLEX_SERVER_{Guid.NewGuid():N}";

    private readonly string _command;
    private readonly Process _process;
    private readonly ProcessOutput _output;
    private readonly ProcessOutput _errors;
    private bool _isDisposed;

    /// <summary>Starts a program, and waits for nothing.</summary>
    /// <param name="program">A path, or a name that is looked for in PATH.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="environment">Variables that it has besides those of this process.</param>
    /// <exception cref="IOException">It cannot be executed; the message has its name and the reason.</exception>
    public ServerProcess(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        string[] words = [.. arguments];
        ProcessStartInfo start = new(program, words)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        start.Environment[_mark] = "1";
        _command = string.Join(' ', [Path.GetFileName(program), .. words]);
        BrokenPipes.LeaveToPrograms();
        try
        {
            _process = Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new IOException($"{program} cannot be executed: {ErrnoText.Description(e.NativeErrorCode)}", e);
        }

        _process.StandardInput.Close();
        Id = _process.Id;   // stays, also when the program executes another, execve(2)
        _output = new(_process.StandardOutput);
        _errors = new(_process.StandardError);
    }

    /// <summary>Its first process.</summary>
    public int Id { get; }

    /// <summary>Its endpoints, in the order of its announcements.</summary>
    public IReadOnlyList<Endpoint> Endpoints => [.. Announced(_output.Lines)];

    /// <summary>The first endpoint.</summary>
    public Endpoint Endpoint => Endpoints[0];

    /// <summary>Whole lines of standard output so far, the last 2^20 characters at most.</summary>
    public IReadOnlyList<string> Output => _output.Lines;

    /// <summary>Whole lines of standard error so far, the last 2^20 characters at most.</summary>
    public IReadOnlyList<string> Errors => _errors.Lines;

    /// <summary>Whether its first process has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>All its processes that have not ended, also those whose parent has.</summary>
    public IReadOnlyList<int> ProcessIds =>
        [.. ProcessTree.WithEnvironment($"{_mark}=1").Union(_process.HasExited ? [] : ProcessTree.Of(Id))];

    /// <summary>How the first process ended, and its last output: on standard error, or else on standard output.</summary>
    public string End
    {
        get
        {
            const int SignalBase = 128;   // as the shell has it
            string status = _process.ExitCode > SignalBase
                ? $"ended by signal {_process.ExitCode - SignalBase}"
                : $"ended with status {_process.ExitCode}";
            ReadToEnd();
            string wrote = _errors.Tail is { Length: > 0 } errors ? errors : _output.Tail;
            return wrote.Length > 0 ? $"{status}: {wrote}" : status;
        }
    }

    /// <summary>Starts a program and waits until it listens.</summary>
    /// <param name="program">A path, or a name that is looked for in PATH.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="endpoints">How many endpoints it announces, a line "listening ENDPOINT …" on standard output for each.</param>
    /// <param name="timeout">The timeout; <see cref="DefaultTimeout"/> by default.</param>
    /// <param name="environment">Variables that it has besides those of this process.</param>
    /// <exception cref="IOException">It ended, or did not listen in time; the message has what it wrote.</exception>
    public static ServerProcess Start(
        string program, IEnumerable<string> arguments, int endpoints = 1, TimeSpan? timeout = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        ServerProcess server = new(program, arguments, environment);
        server.AwaitListening(endpoints, timeout);
        return server;
    }

    /// <summary>Waits until it has announced this many endpoints. If it does not, it is killed.</summary>
    /// <exception cref="IOException">It ended, or did not listen in time; the message has what it wrote.</exception>
    public void AwaitListening(int endpoints = 1, TimeSpan? timeout = null)
    {
        TimeSpan within = timeout ?? DefaultTimeout;
        if (endpoints > 0 && !_output.Await(lines => Announced(lines).Count() >= endpoints, within))
            throw Failed(_command, within);
    }

    /// <summary>kill(2) on the first process. It is no error if the process has ended.</summary>
    /// <exception cref="SyscallException">EPERM: it has become another user's. EINVAL: there is no such signal.</exception>
    public void Signal(int signal) => Signal(Id, signal);

    /// <summary>kill(2) on each of its processes.</summary>
    /// <exception cref="SyscallException">EPERM: one has become another user's. EINVAL: there is no such signal.</exception>
    public void SignalAll(int signal)
    {
        foreach (int process in ProcessIds)
            Signal(process, signal);
    }

    /// <summary>Waits for the end of the first process, and for all its output.</summary>
    /// <returns>The exit status; 128 and the signal's number if a signal ended it.</returns>
    /// <exception cref="IOException">It is still running; the message has what it wrote.</exception>
    public int WaitForExit(TimeSpan? timeout = null)
    {
        TimeSpan within = timeout ?? DefaultTimeout;
        if (!_process.WaitForExit(within))
            throw new IOException($"{_command}: process {Id} is still running after {within.TotalSeconds:0} s: {_errors.Tail}");
        ReadToEnd();
        return _process.ExitCode;
    }

    /// <summary>Waits for the end of the first process.</summary>
    /// <returns>Whether it has ended in this time.</returns>
    public bool HasExitedWithin(TimeSpan timeout) => _process.WaitForExit(timeout);

    /// <summary>Sends SIGTERM to the first process and waits for its end.</summary>
    /// <returns>The exit status.</returns>
    /// <exception cref="IOException">It is still running; the message has what it wrote.</exception>
    public int Stop(TimeSpan? timeout = null)
    {
        Signal(SIGTERM);
        return WaitForExit(timeout);
    }

    /// <summary>Kills each of its processes, by its id.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, true))
            return;
        BeforeKill();

        // A process that forks at the same time leaves a child, which the next pass finds.
        long start = Stopwatch.GetTimestamp();
        while (ProcessIds is { Count: > 0 } left && Stopwatch.GetElapsedTime(start) < DefaultTimeout)
        {
            foreach (int process in left)
                kill(process, SIGKILL);
            _process.WaitForExit(1);
        }

        _process.WaitForExit(DefaultTimeout);
        _process.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Called before the processes that still run are killed.</summary>
    protected virtual void BeforeKill()
    {
    }

    /// <summary>Kills a program that did not announce an endpoint, and says why.</summary>
    internal IOException Failed(string what, TimeSpan timeout)
    {
        // A program that closes its standard output is about to end.
        string why = _process.HasExited || (_output.HasEnded && _process.WaitForExit(timeout)) ? End : $"did not listen within {timeout.TotalSeconds:0} s";
        Dispose();
        return new($"{what} {why}");
    }

    private static void Signal(int process, int signal)
    {
        SyscallResult sent = kill(process, signal);
        if (!sent.Is(ESRCH))
            sent.OrThrow("kill", $"{process}");
    }

    private static IEnumerable<Endpoint> Announced(IReadOnlyList<string> lines) =>
        from line in lines
        where line.StartsWith(Announcement, StringComparison.Ordinal)
        select Endpoint.Parse(line.Split(' ')[1]);

    // Both streams end with the last process that has them. A process that was left behind may keep them open for a long time.
    private void ReadToEnd()
    {
        TimeSpan step = TimeSpan.FromMilliseconds(100), most = TimeSpan.FromSeconds(1);
        long start = Stopwatch.GetTimestamp();
        while (!Task.WaitAll([_output.Reading, _errors.Reading], step))
        {
            if (Stopwatch.GetElapsedTime(start) > most && ProcessIds.Count > 0)
                return;
        }
    }
}
