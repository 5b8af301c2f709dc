using System.Diagnostics.CodeAnalysis;
using Multiplex.Forking;
using Multiplex.Models;
using Multiplex.Rpc.Observing;
using Multiplex.Sockets;
using Multiplex.Sockets.Datagrams;

namespace Multiplex.Rpc.Server;

/// <summary>
/// A server of remote programs in this process, on any <see cref="ServerModelCatalog">server model</see>; on one that forks, where the process is a native one
/// that may fork: see <see cref="ForkRuntime"/>. In such a process signals are blocked, so the server itself takes SIGTERM, SIGINT and SIGHUP: the first
/// stops it, the second cuts it off.
/// </summary>
/// <example>
/// <code>
/// await using RpcServer server = await RpcServer.StartAsync(o => o.Listen("tcp://127.0.0.1:0"), new Greeter());
/// Console.WriteLine($"listening on {server.Endpoints[0]}");
/// await server.Completion;
/// </code>
/// </example>
public sealed class RpcServer : IAsyncDisposable
{
    private readonly IServerModel _model;
    private readonly Service _service;
    private readonly RpcProtocol _protocol;
    private readonly StopSignal _stop;
    private readonly Lock _stopping = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ServerLog _log;
    private readonly IDisposable _measured;
    private int _stopRequests;
    private bool _hasEnded;

    private RpcServer(ServerModelEntry model, RpcProtocol protocol, RpcServerOptions options)
    {
        _protocol = protocol;
        IReadOnlyList<BoundSocket> sockets = BoundSockets.Open([.. options.Endpoints], options.Backlog, shared: model.Loops(options.ServerOptions) > 1, options.KeepAlive);
        _stop = model.Forks ? StopSignal.BySignal() : StopSignal.ByRequest();
        try
        {
            Endpoints = [.. sockets.Select(socket => socket.Local)];
            Counters = new();
            _model = model.Create();
            _service = new([.. sockets.OfType<Listener>()], protocol, options.ServerOptions, Counters, _stop)
            {
                Datagrams = [.. sockets.OfType<DatagramSocket>()],
                Ready = () => _ready.TrySetResult(),
            };
            if (model.Forks)
                ForkRuntime.Require(protocol);   // in any other process the signal that stops it would end the process
        }
        catch
        {
            foreach (BoundSocket socket in sockets)
                socket.Dispose();
            _stop.Dispose();
            throw;
        }

        (protocol.Observer as ServerTelemetry)?.ListensOn(Endpoints);
        _measured = ServerInstruments.Add(Counters, model.Name, Endpoints[0]);
        _log = new(options.Logger, Counters, isPeriodic: !model.Forks);
    }

    /// <summary>Where it listens, an endpoint for each socket, with the ports that the kernel chose.</summary>
    public IReadOnlyList<Endpoint> Endpoints { get; }

    /// <summary>What it has counted so far. The counters may be read after the server has ended, too.</summary>
    public ServerCounters Counters { get; }

    /// <summary>Ends when the server has: after <see cref="StopAsync"/>, or with the exception by which it failed.</summary>
    public Task Completion => _completion.Task;

    /// <summary>Starts a server, and returns once it accepts connections.</summary>
    /// <param name="configure">Says at least where it listens.</param>
    /// <param name="implementations">What it serves: objects that implement contracts, or are an <see cref="IRpcProgram"/>.</param>
    /// <exception cref="ArgumentException">An object implements no contract, the model is unknown or does not serve such an endpoint, or there is no endpoint.</exception>
    /// <exception cref="NotSupportedException">The model forks, and the process is not native, or a procedure is async.</exception>
    /// <exception cref="Interop.SyscallException">A socket was refused, as by EADDRINUSE; or the kernel refuses io_uring.</exception>
    public static async Task<RpcServer> StartAsync(Action<RpcServerOptions> configure, params object[] implementations)
    {
        ArgumentNullException.ThrowIfNull(configure);
        RpcServerOptions options = new();
        configure(options);
        foreach (object implementation in implementations)
            options.AddProgram(implementation);
        return await StartAsync(options).ConfigureAwait(false);
    }

    /// <summary>Starts a server, and returns once it accepts connections.</summary>
    /// <param name="options">What it serves, where, and how.</param>
    /// <param name="cancellationToken">Cancels the start: what was opened is closed.</param>
    /// <inheritdoc cref="StartAsync(Action{RpcServerOptions}, object[])"/>
    public static async Task<RpcServer> StartAsync(RpcServerOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        cancellationToken.ThrowIfCancellationRequested();
        ServerModelEntry model = options.FindModel();
        RpcServer server = new(model, options.MakeProtocol(model.Forks), options);
        new Thread(server.Run) { IsBackground = true, Name = "rpc server" }.Start();
        try
        {
            await server._ready.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        server._log.Started(model.Name, server.Endpoints);
        return server;
    }

    /// <summary>
    /// Stops: accepts no more connections, answers the calls that have arrived whole, and ends. After <see cref="ServerOptions.DrainTime"/> calls in progress
    /// are cancelled, and connections cut off. Only <see cref="Completion"/> reports a failure of the server.
    /// </summary>
    /// <param name="cancellationToken">Cuts off at once.</param>
    public async Task StopAsync(CancellationToken cancellationToken = default)
    {
        RequestStop(first: true);
        using CancellationTokenRegistration hastening = cancellationToken.Register(() => RequestStop(first: false));
        await Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Stops, as <see cref="StopAsync"/>, and frees the server's resources.</summary>
    public async ValueTask DisposeAsync() => await StopAsync().ConfigureAwait(false);

    [SuppressMessage("Design", "CA1031", Justification = "Completion reports it")]
    private void Run()
    {
        Exception? failure = null;
        try
        {
            _model.Run(_service);
        }
        catch (Exception e)
        {
            failure = e;
            _service.CloseSockets();
        }

        lock (_stopping)
        {
            _hasEnded = true;
            _stop.Dispose();
        }

        _measured.Dispose();
        _log.Dispose();
        _log.Ended(failure);

        // The memory for replies goes with the last call that may still write to it.
        if (Counters[Counter.CallsInFlight] == 0 && Counters[Counter.Accepted] == Counters[Counter.Closed])
            _protocol.Dispose();
        if (failure is null)
        {
            _ready.TrySetException(new OperationCanceledException("the server was stopped before it was ready"));
            _completion.TrySetResult();
        }
        else
        {
            _ready.TrySetException(failure);
            _completion.TrySetException(failure);
        }

        _ = _ready.Task.Exception;   // observed
        _ = _completion.Task.Exception;
    }

    // The first request drains, the second cuts off.
    private void RequestStop(bool first)
    {
        lock (_stopping)
        {
            if (_hasEnded || _stopRequests >= (first ? 1 : 2))
                return;
            _stopRequests++;
            _stop.Request();
        }
    }
}
