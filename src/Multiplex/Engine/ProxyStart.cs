using Multiplex.Sockets;

namespace Multiplex.Engine;

/// <summary>How far the beginning of a connection is that a proxy makes: see <see cref="ServerOptions.Proxies"/>.</summary>
internal enum ProxyStage : byte
{
    /// <summary>Requests are received: of a proxy the header has come.</summary>
    None,

    /// <summary>The header is awaited.</summary>
    Header,

    /// <summary>The header has come, and nothing behind it. A proxy that looks whether the server is there ends the connection now.</summary>
    FirstRequest,
}

/// <summary>The beginning of a connection that a proxy makes.</summary>
internal static class ProxyStart
{
    /// <summary>Where a connection begins.</summary>
    public static ProxyStage Of(in Peer peer, ServerOptions options) =>
        peer.Kind.IsStream() && options.Proxies?.Contains(peer) == true ? ProxyStage.Header : ProxyStage.None;

    /// <summary>Looks for the header at the front of what has been received, where it is awaited.</summary>
    /// <param name="stage">How far it is.</param>
    /// <param name="received">All that has been received, not empty.</param>
    /// <param name="peer">The proxy; then the client.</param>
    /// <param name="namesClient">Whether a header has come that names one: else the connection is the proxy's own.</param>
    /// <returns>The header's length in bytes, or 0 where none is awaited any more; <see cref="FrameResult.Incomplete"/>, and the stage is the same;
    /// <see cref="FrameResult.Malformed"/>.</returns>
    public static int Take(ref ProxyStage stage, ReadOnlySpan<byte> received, ref PeerAddress peer, out bool namesClient)
    {
        namesClient = false;
        ProxyHeader header = default;
        int length = stage == ProxyStage.Header ? ProxyHeader.Read(received, out header) : 0;
        if (stage == ProxyStage.Header && length <= 0)
            return length;
        stage = stage == ProxyStage.Header && length == received.Length ? ProxyStage.FirstRequest : ProxyStage.None;
        namesClient = header.Client is not null;
        if (header.Client is not null)
            peer = peer.Behind(header.Kind, header.Client, header.Server);
        return length;
    }
}
