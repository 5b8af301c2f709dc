using System.Diagnostics;
using Mono.Unix.Native;
using Multiplex.ServerTests.Harness.Kernel;
using NUnit.Framework;

namespace Multiplex.ServerTests.Harness;

/// <summary>A running server: the real command in a process of its own.</summary>
internal sealed class ServerProcess : IDisposable
{
    private const string Tag = "MULTIPLEX_TEST_SERVER";

    private readonly Process _process;
    private readonly string _tag = $"{Tag}={Guid.NewGuid():N}";
    private readonly List<string> _output = [];
    private readonly List<string> _errors = [];

    private ServerProcess(string program, IEnumerable<string> arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment[Tag] = _tag[(Tag.Length + 1)..];
        _process = new() { StartInfo = start };
        _process.OutputDataReceived += (_, e) => Keep(_output, e.Data);
        _process.ErrorDataReceived += (_, e) => Keep(_errors, e.Data);
        _process.Start();
        Id = _process.Id;   // a server that forks starts itself anew by execve(2): the id stays
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>The command under test: what MULTIPLEX_COMMAND says, else the one that was built with the tests.</summary>
    public static string Command { get; } =
        Environment.GetEnvironmentVariable("MULTIPLEX_COMMAND") ?? Path.Combine(AppContext.BaseDirectory, "Multiplex.Cli");

    /// <summary>The tests' own servers: what MULTIPLEX_TEST_SERVERS says, else those that were built with the tests.</summary>
    public static string TestServers { get; } =
        Environment.GetEnvironmentVariable("MULTIPLEX_TEST_SERVERS") ?? Path.Combine(AppContext.BaseDirectory, "Multiplex.TestServers");

    public int Id { get; }

    /// <summary>Where it listens, in the order of <c>--listen</c>.</summary>
    public IReadOnlyList<ServerAddress> Addresses { get; private set; } = [];

    public ServerAddress Address => Addresses[0];

    /// <summary>Lines of standard output so far.</summary>
    public string[] Output => Copy(_output);

    /// <summary>Lines of standard error so far.</summary>
    public string[] Errors => Copy(_errors);

    public bool HasExited => _process.HasExited;

    /// <summary>Starts <c>multiplex serve</c> and waits until it listens on one endpoint.</summary>
    public static ServerProcess Start(string model, string protocol, ListenForm form, params string[] options) =>
        Start(model, protocol, [form.NewEndpoint()], options);

    /// <summary>Starts <c>multiplex serve</c> and waits until it listens on all of these endpoints.</summary>
    public static ServerProcess Start(string model, string protocol, string[] endpoints, params string[] options) =>
        StartProgram(Command, [.. ServeArguments(model, protocol, endpoints), .. options], endpoints.Length);

    /// <summary>What follows the command's name.</summary>
    /// <param name="model">The model, with options of its own where it has some: see <see cref="Cells.Served"/>.</param>
    /// <param name="protocol">The protocol.</param>
    /// <param name="endpoints">Where to listen.</param>
    public static IEnumerable<string> ServeArguments(string model, string protocol, params string[] endpoints) =>
        ["serve", "--model", .. model.Split(' '), "--protocol", protocol, .. endpoints.SelectMany(e => new[] { "--listen", e })];

    /// <summary>Starts any program that announces itself like the command does.</summary>
    public static ServerProcess StartProgram(string program, IEnumerable<string> arguments, int endpoints = 1)
    {
        ServerProcess server = new(program, arguments);
        try
        {
            Eventually.Holds(() => server.HasExited || server.Output.Length >= endpoints, "the server does not listen");
            if (server.Output.Length < endpoints)
                Assert.Fail($"the server ended at once: {string.Join('\n', server.Errors)}");
            server.Addresses = [.. server.Output.Select(line => ServerAddress.Parse(line.Split(' ')[1]))];
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>Starts the command and waits for nothing.</summary>
    public static ServerProcess Launch(params string[] arguments) => new(Command, arguments);

    /// <summary>kill(2).</summary>
    public void Signal(Signum signal) => Signal(Id, signal);

    /// <summary>kill(2) on any process of this server.</summary>
    public static void Signal(int id, Signum signal) =>
        Assert.That(Syscall.kill(id, signal), Is.Zero, () => $"kill {id}: {Stdlib.GetLastError()}");

    /// <summary>kill(2) on every process of this server, as a terminal does to a group. One may have ended meanwhile, by the signal to its parent.</summary>
    public void SignalAll(Signum signal) => Processes().ForEach(process => Assert.That(
        Syscall.kill(process.Id, signal) == 0 || Stdlib.GetLastError() == Errno.ESRCH, () => $"kill {process.Id}: {Stdlib.GetLastError()}"));

    /// <summary>Sends a signal and waits until the server has taken it, so that the next one cannot merge with it.</summary>
    public void SignalAndAwaitTaken(Signum signal)
    {
        Signal(signal);
        Eventually.Holds(
            () => !ProcessTable.HasPending(Id, NativeConvert.FromSignum(signal)), $"{signal} is not taken by process {Id}");
    }

    /// <summary>Waits for the end and all output.</summary>
    /// <returns>The exit status.</returns>
    public int WaitForExit(TimeSpan? within = null)
    {
        TimeSpan deadline = within ?? Eventually.Deadline;
        Assert.That(_process.WaitForExit(deadline), Is.True, () => $"the server is still running after {deadline}: {Describe()}");
        _process.WaitForExit();   // until both streams have been read to their ends
        return _process.ExitCode;
    }

    /// <summary>SIGTERM, then the end.</summary>
    /// <returns>The exit status.</returns>
    public int Stop()
    {
        Signal(Signum.SIGTERM);
        return WaitForExit();
    }

    /// <summary>The server's child processes, zombies too.</summary>
    public List<ProcessEntry> Children() => ProcessTable.ChildrenOf(Id);

    /// <summary>All processes of this server that live, also those whose parent has died.</summary>
    public List<ProcessEntry> Processes() => ProcessTable.WithEnvironment(_tag);

    /// <summary>Resident memory of all its processes, without program code and other files.</summary>
    public long ResidentBytes() => Processes().Sum(process => ProcessTable.ResidentBytes(process.Id));

    /// <summary>A figure of the last line, <c>stopped NAME=VALUE …</c>; 0 when it is not in there.</summary>
    public long FinalCount(Counter counter)
    {
        string line = Errors.Single(error => error.StartsWith("stopped", StringComparison.Ordinal));
        string? entry = line.Split(' ').FirstOrDefault(word => word.StartsWith($"{ServerCounters.NameOf(counter)}=", StringComparison.Ordinal));
        return entry is null ? 0 : long.Parse(entry[(entry.IndexOf('=') + 1)..]);
    }

    /// <summary>Kills whatever is left of it.</summary>
    public void Dispose()
    {
        if (TestContext.CurrentContext.Result.FailCount > 0)
            DescribeFailure();
        Eventually.Holds(
            () =>
            {
                List<ProcessEntry> left = Processes();
                left.ForEach(process => Syscall.kill(process.Id, Signum.SIGKILL));
                return left.Count == 0;
            },
            "processes of the server survive SIGKILL");
        _process.WaitForExit();
        _process.Dispose();
        foreach (string path in Addresses.Select(address => address.FilePath).OfType<string>())
            File.Delete(path);
    }

    // What it counted tells most, and it says that when it stops.
    private void DescribeFailure()
    {
        TestContext.Out.WriteLine(Describe());
        Syscall.kill(Id, Signum.SIGTERM);
        if (_process.WaitForExit(TimeSpan.FromSeconds(5)))
            TestContext.Out.WriteLine($"stopped: {string.Join('\n', Errors)}");
    }

    private string Describe() =>
        $"server {Id}, children {string.Join(' ', Children())}, standard error: {string.Join('\n', Errors)}";

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
