using System.Diagnostics;
using Multiplex.Interop;
using Multiplex.Load.Comparison.Servers;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Check;

/// <summary>The server to check, and how.</summary>
public sealed record CheckOptions
{
    /// <summary>Where a server listens that runs already; null where <see cref="Command"/> starts one.</summary>
    public Endpoint? Endpoint { get; init; }

    /// <summary>Its first process, on this machine; null where it is not known, and some checks are skipped.</summary>
    public int? Process { get; init; }

    /// <summary>The shell command of a server, in which {port} stands for the port: each check starts its own server.</summary>
    public string? Command { get; init; }

    /// <summary>The longest wait for bytes, a connection or an end.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>What to check; null is all of <see cref="Suite"/>.</summary>
    public IReadOnlyList<ServerCheck>? Checks { get; init; }

    /// <summary>The protocol, and all its checks.</summary>
    public CheckSuite Suite { get; init; } = CheckSuite.Echo;
}

/// <summary>Makes the checks, one after another.</summary>
public static class Checker
{
    /// <summary>Makes them.</summary>
    /// <param name="options">The server, and the checks.</param>
    /// <param name="show">Is called with each result, as it comes.</param>
    /// <param name="cancellation">Ends it before the next check.</param>
    /// <exception cref="IOException">There is no server: it could not be reached or started.</exception>
    /// <exception cref="OperationCanceledException">It was ended early.</exception>
    public static CheckReport Run(CheckOptions options, Action<CheckResult> show, CancellationToken cancellation = default)
    {
        using ServerGuard? guard = options.Command is null ? null : ServerGuard.Start();   // cancels the servers that an early end would leave running
        if (options.Endpoint is { } endpoint && !endpoint.Kind.IsDatagram())
            close(Connector.Connect(endpoint, AddressLookup.Find(endpoint, passive: false), options.Timeout));
        List<CheckResult> results = [];
        foreach (ServerCheck check in options.Checks ?? options.Suite.Checks)
        {
            cancellation.ThrowIfCancellationRequested();
            CheckResult result = WhySkipped(check, options, results) is { } why
                ? new(check, Outcome.Skipped, why, 0)
                : options.Command is { } command ? StartAndMake(check, command, options) : Make(check, new(options.Endpoint!, options.Suite.Exchange, options.Timeout, options.Process, null));
            results.Add(result);
            show(result);
        }

        return CheckReport.Of(options, results);
    }

    private static string? WhySkipped(ServerCheck check, CheckOptions options, List<CheckResult> results) =>
        results.Find(result => result.Check.Name == check.Needs && result.Outcome != Outcome.Holds) is { } needed ? $"it needs {needed.Check.Name}, which does not hold"
        : check.CannotBeMade is { } reason ? reason
        : check.Access == Access.Process && options.Process is null && options.Command is null ? "it needs --pid, or --command in place of --connect"
        : check.Access == Access.Command && options.Command is null ? "it needs --command in place of --connect"
        : results.FindLast(result => result.Outcome == Outcome.Fault) is { } fault && options.Endpoint is { } endpoint && !Accepts(endpoint, options.Timeout)
            ? $"the server accepts no connections since {fault.Check.Name}"
        : null;

    private static CheckResult StartAndMake(ServerCheck check, string command, CheckOptions options)
    {
        PeerServer? server = PeerServer.Start("the server", command);
        Endpoint endpoint = server.Endpoint;
        try
        {
            CheckResult result = Make(check, new(endpoint, options.Suite.Exchange, options.Timeout, server.Id, Restart));
            return server?.Ended is { } ended
                ? result with { Outcome = Outcome.Fault, Seen = result.Outcome == Outcome.Fault ? $"{result.Seen}; {ended}" : ended }
                : result;
        }
        finally
        {
            server?.Dispose();
        }

        void Restart()
        {
            server.Dispose();
            server = null;
            AwaitRefusal(endpoint, options.Timeout);
            server = PeerServer.Start("the server", command, endpoint);
        }
    }

    private static CheckResult Make(ServerCheck check, ServerUnderCheck server)
    {
        long start = Stopwatch.GetTimestamp();
        CheckResult Result(Outcome outcome, string seen) => new(check, outcome, seen, Stopwatch.GetElapsedTime(start).TotalSeconds);
        try
        {
            return Result(Outcome.Holds, check.Run(server));
        }
        catch (ServerFaultException fault)
        {
            return Result(Outcome.Fault, fault.Message);
        }
        catch (UnauthorizedAccessException)
        {
            return Result(Outcome.Skipped, "the process is another user's");
        }
    }

    // The kernel may close a socket some time after its process has ended: one that an io_uring(7) accepts from, say.
    private static void AwaitRefusal(Endpoint endpoint, TimeSpan timeout)
    {
        if (!ProcessChecks.Within(timeout, () => !Accepts(endpoint, timeout)))
            throw new IOException($"connections to {endpoint} are accepted after all processes of the server were killed");
    }

    private static bool Accepts(Endpoint endpoint, TimeSpan timeout)
    {
        try
        {
            close(Connector.Connect(endpoint, AddressLookup.Find(endpoint, passive: false), timeout));
            return true;
        }
        catch (SyscallException)
        {
            return false;
        }
    }
}
