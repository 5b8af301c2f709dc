namespace Multiplex.Rpc;

/// <summary>What a client has seen so far.</summary>
public record struct RpcClientCounters
{
    /// <summary>Calls that were sent, or were to be.</summary>
    public long Calls { get; internal set; }

    /// <summary>Calls that were sent again over datagrams because no reply had come.</summary>
    public long Retransmissions { get; internal set; }

    /// <summary>Connections that broke with calls in flight that are sent again on a new one.</summary>
    public long Reconnects { get; internal set; }

    /// <summary>Connections, or sockets for datagrams, that were given up since calls in a row got no reply: <see cref="RpcClientOptions.ReconnectAfterTimeouts"/>.</summary>
    public long ConnectionsGivenUp { get; internal set; }

    /// <summary>Calls that came from the server. The client serves no programs, and answers PROG_UNAVAIL.</summary>
    public long CallsRefused { get; internal set; }

    /// <summary>Messages that answer no call in flight: late, repeated, to a call that was given up or posted, or nonsense.</summary>
    public long UnmatchedReplies { get; internal set; }
}
