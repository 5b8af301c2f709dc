using Multiplex.Sockets;

namespace Multiplex.Cli;

/// <summary>The sockets that a server is asked to have, in the order in which they were asked for.</summary>
internal sealed record ServerSockets(IReadOnlyList<BoundSocket> All)
{
    public IReadOnlyList<Listener> Listeners { get; } = [.. All.OfType<Listener>()];

    public IReadOnlyList<DatagramSocket> Datagrams { get; } = [.. All.OfType<DatagramSocket>()];

    /// <summary>Opens all of them, or none.</summary>
    public static ServerSockets Open(IEnumerable<Endpoint> endpoints, int backlog, bool shared)
    {
        List<BoundSocket> sockets = [];
        try
        {
            foreach (Endpoint endpoint in endpoints)
                sockets.Add(endpoint.Kind.IsDatagram() ? DatagramSocket.Open(endpoint, shared) : Listener.Open(endpoint, backlog, shared));
            return new(sockets);
        }
        catch
        {
            sockets.ForEach(socket => socket.Dispose());
            throw;
        }
    }
}
