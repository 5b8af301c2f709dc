namespace Multiplex.Engine;

/// <summary>Why a connection is closed.</summary>
internal enum CloseReason : byte
{
    /// <summary>The peer has shut down its side and has every reply; or the server is stopping, and what had arrived is answered; or a client has made its calls.</summary>
    Finished,

    /// <summary>The bytes were no request.</summary>
    Malformed,

    /// <summary>No byte moved in either direction for <c>ServerOptions.IdleTimeout</c>.</summary>
    IdleTimeout,

    /// <summary>A request took longer to arrive than <c>ServerOptions.RequestTimeout</c>.</summary>
    RequestTimeout,

    /// <summary>The connection failed, as by a reset.</summary>
    Broken,

    /// <summary>All connections together held more than <c>ServerOptions.MaxMemory</c>, and this one held most.</summary>
    MemoryLimit,

    /// <summary>The server is stopping, and the time to drain is over, or the peer takes no replies for <c>ServerOptions.DrainStall</c>.</summary>
    CutOff,
}
