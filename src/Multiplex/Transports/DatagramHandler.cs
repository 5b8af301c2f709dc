using Multiplex.Engine;
using Multiplex.Engine.Calls;
using Multiplex.Sockets.Datagrams;

namespace Multiplex.Transports;

/// <summary>A datagram socket as a handler of an event loop: a batch is served at the end of each turn, after the connections that were ready.</summary>
internal sealed class DatagramHandler : LoopHandler, IReplyTarget, IDisposable
{
    /// <summary>How many datagrams to take of one socket in a turn while there are connections: a flood of them is no reason for others to wait.</summary>
    public const int AmongConnections = 8;

    private readonly LoopServer _server;
    private readonly DatagramEndpoint _endpoint;

    /// <summary>Serves a socket.</summary>
    public DatagramHandler(DatagramSocket socket, LoopServer server)
        : base(socket.Descriptor)
    {
        _server = server;
        LoopContext context = server.Context;
        _endpoint = context.Workers is { } workers
            ? new PooledDatagramEndpoint(socket, workers, this, context.Options, context.Counters, context.Addresses)
            : new InlineDatagramEndpoint(socket, context.Protocol, context.Options, context.Counters, context.Addresses, context.Late) { LateReplied = () => _server.Loop.Apply(this, State) };
    }

    // Backpressure: what there is no room for stays with the kernel. While the server stops, the socket is not watched any more.
    private Next State => new(_endpoint.Room > 0 && !_server.IsDraining ? Interest.Readable : Interest.None, _endpoint.HasWork);

    /// <inheritdoc/>
    public override Next OnReady(Interest ready)
    {
        _endpoint.IsReady = true;
        _server.Loop.Defer(this);
        return new(Watched);
    }

    /// <inheritdoc/>
    public override Next OnTurn()
    {
        if (_endpoint.HasWork)
            _endpoint.Serve(_server.Connections > 0 ? AmongConnections : int.MaxValue);
        _server.OnHandled();
        return State;
    }

    /// <inheritdoc/>
    public void Complete(WorkItem item)
    {
        ((PooledDatagramEndpoint)_endpoint).Complete(item);
        _server.Loop.Apply(this, State);
    }

    /// <summary>Whether late replies are still awaited.</summary>
    public bool IsBusy => _endpoint is InlineDatagramEndpoint { HasLate: true };

    /// <summary>Cancels late replies: the server ends.</summary>
    public void CancelLate() => _endpoint.CancelLate();

    /// <summary>The server is stopping: datagrams that have arrived are still answered, and no more are received.</summary>
    public void BeginDrain()
    {
        _endpoint.BeginDrain();
        _server.Loop.Apply(this, State);
    }

    /// <summary>Closes the socket.</summary>
    public void Dispose() => _endpoint.Dispose();
}
