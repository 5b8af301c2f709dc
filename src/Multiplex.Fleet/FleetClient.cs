using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Multiplex.Fleet.Etcd;
using Multiplex.Interop;
using Multiplex.Rpc.Client;
using Multiplex.Sockets;

namespace Multiplex.Fleet;

/// <summary>
/// Calls a program on several servers, which are registered in etcd. Each call goes to the server with the fewest calls of this client in flight. A
/// server is called from its registration on. When the registration is deleted, the server gets no new calls, and its connection is closed after the last reply.
/// </summary>
/// <remarks>
/// After a call that timed out, or a connection that failed, other servers are called for 5 seconds if there are any. A call is repeated at another server only if it was not sent, or if its procedure is idempotent and the connection broke. Other failures are reported to the
/// caller. While etcd does not answer, the last known servers are called. Safe for several threads.
/// </remarks>
/// <example>
/// <code>
/// await using FleetClient fleet = await FleetClient.ConnectAsync("rpc+etcd://127.0.0.1:2379/0x20004700/1");
/// string greeting = await fleet.CallAsync(client => client.Create&lt;IGreeter&gt;().GreetAsync("world"));
/// </code>
/// </example>
public sealed class FleetClient : IAsyncDisposable
{
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(50);   // between looks for a server, while there is none

    private readonly FleetProgram _program;
    private readonly RpcClientOptions _options;
    private readonly TimeSpan _waitForServer;
    private readonly EtcdClient _etcd;
    private readonly EtcdMirror _mirror;
    private readonly Lock _gate = new();
    private readonly List<FleetInstance> _instances = [];
    private int _turn;   // so that servers with equally many calls take turns

    private FleetClient(FleetProgram program, RpcClientOptions options)
    {
        _program = program;
        _waitForServer = options.ReconnectFor;
        // A call waits for another server rather than for this one's return.
        _options = options with { ReconnectFor = TimeSpan.Zero };
        _etcd = new(program.Etcd);
        _mirror = new(_etcd, program.Keys, line => options.Logger.LogWarning("{Line}", line), Update);
    }

    /// <summary>Begins to follow the servers of a program, and returns when they are listed. The list may be empty.</summary>
    /// <param name="program"><c>rpc+etcd://HOST[:PORT][,HOST[:PORT]…]/PROGRAM[/VERSION][?prefix=/PREFIX&amp;netid=tcp|udp]</c>; without a version, the highest that is registered.</param>
    /// <param name="options">
    /// The options of the client of each server. <see cref="RpcClientOptions.ConnectTimeout"/> bounds this call too, and
    /// <see cref="RpcClientOptions.ReconnectFor"/> how long a call waits for a server while none can be called. Null is <see cref="RpcClientOptions.Default"/>.
    /// </param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="FormatException">The text is no program of a fleet; the message says what would be right.</exception>
    /// <exception cref="IOException">etcd did not answer within <see cref="RpcClientOptions.ConnectTimeout"/>.</exception>
    /// <exception cref="OperationCanceledException">The attempt was cancelled.</exception>
    public static async Task<FleetClient> ConnectAsync(string program, RpcClientOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= RpcClientOptions.Default;
        FleetClient client = new(FleetProgram.Parse(program), options);
        try
        {
            await client._mirror.Listed.WaitAsync(options.ConnectTimeout, cancellationToken).ConfigureAwait(false);
            return client;
        }
        catch (Exception e)
        {
            string? problem = client._mirror.Problem;
            await client.DisposeAsync().ConfigureAwait(false);
            throw e is TimeoutException ? new IOException(problem ?? $"etcd at {client._etcd.Address} does not answer", e) : e;
        }
    }

    /// <summary>The servers that calls go to now.</summary>
    public IReadOnlyList<Endpoint> Servers
    {
        get
        {
            lock (_gate)
                return [.. _instances.Select(instance => instance.Server)];
        }
    }

    /// <summary>Makes a call at the server with the fewest calls in flight.</summary>
    /// <typeparam name="T">The type of its results.</typeparam>
    /// <param name="call">
    /// Makes one call by the client of that server, and returns its results. It may run again with the client of another server if the call was not sent.
    /// </param>
    /// <param name="cancellationToken">Ends the wait for a server.</param>
    /// <exception cref="IOException">There is no server to call, or the call failed: see <see cref="RpcClient.CallAsync{TArguments, T}"/>.</exception>
    public async ValueTask<T> CallAsync<T>(Func<RpcClient, ValueTask<T>> call, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(call);
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            FleetInstance instance = await TakeAsync(start, cancellationToken).ConfigureAwait(false);
            try
            {
                RpcClient client = await instance.ConnectAsync(_options).ConfigureAwait(false);
                T results = await call(client).ConfigureAwait(false);
                instance.Trust();
                return results;
            }
            catch (Exception e) when (e is RpcTimeoutException or RpcConnectionException or SyscallException)
            {
                instance.Doubt(Environment.TickCount64);
                if (!MayGoElsewhere(e) || Stopwatch.GetElapsedTime(start) >= _waitForServer)
                    throw;
                instance.Rest(Environment.TickCount64);
            }
            finally
            {
                await GiveBackAsync(instance).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Makes a call that has no results.</summary>
    /// <inheritdoc cref="CallAsync{T}"/>
    public async ValueTask CallAsync(Func<RpcClient, ValueTask> call, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(call);
        await CallAsync(
            async client =>
            {
                await call(client).ConfigureAwait(false);
                return true;
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Closes all connections; calls in flight fail.</summary>
    public async ValueTask DisposeAsync()
    {
        await _mirror.DisposeAsync().ConfigureAwait(false);
        _etcd.Dispose();
        FleetInstance[] all;
        lock (_gate)
        {
            all = [.. _instances];
            _instances.Clear();
        }

        foreach (FleetInstance instance in all)
            await instance.CloseAsync().ConfigureAwait(false);
    }

    // If no connection could be made, the call was not sent.
    private static bool MayGoElsewhere(Exception failure) => failure switch
    {
        RpcConnectionException broken => !broken.WasSent || broken.Procedure.IsIdempotent,
        RpcException => false,
        _ => failure is SyscallException,
    };

    // The one with the fewest calls in flight, of those that are not resting.
    private async ValueTask<FleetInstance> TakeAsync(long start, CancellationToken cancellation)
    {
        while (true)
        {
            lock (_gate)
            {
                if (Least() is { } least)
                {
                    least.InFlight++;
                    return least;
                }
            }

            if (Stopwatch.GetElapsedTime(start) >= _waitForServer)
                throw new IOException($"no server of {_program} can be called: {(_instances.Count == 0 ? "none is registered" : "connections to all that are registered fail")}");
            await Task.Delay(s_look, cancellation).ConfigureAwait(false);
        }
    }

    private FleetInstance? Least()
    {
        _turn = _instances.Count == 0 ? 0 : (_turn + 1) % _instances.Count;
        return FleetInstance.Least(_instances, _turn, Environment.TickCount64);
    }

    private async ValueTask GiveBackAsync(FleetInstance instance)
    {
        bool isLast;
        lock (_gate)
            isLast = --instance.InFlight == 0 && instance.HasLeft;
        if (isLast)
            await instance.CloseAsync().ConfigureAwait(false);
    }

    // Called by the mirror at each change, one at a time.
    private void Update(IReadOnlyList<FleetEntry> entries)
    {
        HashSet<Endpoint> present = [.. _program.Callable(entries).Select(entry => entry.Endpoint)];
        List<FleetInstance> idle = [];
        lock (_gate)
        {
            foreach (FleetInstance gone in _instances.Where(one => !present.Contains(one.Server)))
            {
                gone.HasLeft = true;
                if (gone.InFlight == 0)
                    idle.Add(gone);
            }

            _instances.RemoveAll(one => one.HasLeft);
            _instances.AddRange(present.Where(server => !_instances.Exists(one => one.Server == server)).Select(server => new FleetInstance(server)));
        }

        foreach (FleetInstance gone in idle)
            _ = gone.CloseAsync();
    }
}
