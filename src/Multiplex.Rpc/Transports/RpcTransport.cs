using Multiplex.Sockets;

namespace Multiplex.Rpc.Transports;

/// <summary>How the messages of calls and replies travel: what differs between the kinds of socket.</summary>
internal abstract class RpcTransport : IDisposable
{
    /// <summary>Sends a call and waits for its reply.</summary>
    /// <param name="call">The call's message.</param>
    /// <param name="xid">The transaction, which stands in the call and in its reply.</param>
    /// <param name="timeout">How long it may take in all, over datagrams.</param>
    /// <returns>The reply's message; it stays as it is until the next call.</returns>
    public abstract ReadOnlySpan<byte> Exchange(ReadOnlySpan<byte> call, uint xid, TimeSpan timeout);

    /// <summary>Closes the socket.</summary>
    public abstract void Dispose();

    /// <summary>Connects to an endpoint of any kind.</summary>
    public static RpcTransport Connect(Endpoint server, RpcClientOptions options) => server.Kind switch
    {
        EndpointKind.Tcp or EndpointKind.Unix => new StreamTransport(server),
        EndpointKind.UnixPacket => new PacketTransport(server),
        _ => new DatagramTransport(server, AddressLookup.Find(server, passive: false), options),
    };
}
