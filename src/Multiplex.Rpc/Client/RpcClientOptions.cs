namespace Multiplex.Rpc;

/// <summary>How a client waits, repeats and gives up.</summary>
public sealed record RpcClientOptions
{
    /// <summary>The usual ones.</summary>
    public static RpcClientOptions Default { get; } = new();

    /// <summary>How long a call may take in all. 25 seconds, as in the stubs of rpcgen(1).</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(25);

    /// <summary>Over datagrams: how long to wait for a reply before the call is sent again; doubled each time. 1 second.</summary>
    public TimeSpan FirstRetry { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Over datagrams: the longest such wait. 30 seconds, as in the C library (RPC_MAX_BACKOFF).</summary>
    public TimeSpan LongestRetry { get; init; } = TimeSpan.FromSeconds(30);
}

/// <summary>What is different for one call.</summary>
public sealed record RpcCallOptions
{
    /// <summary>How long it may take in all; null is what the client has.</summary>
    public TimeSpan? Timeout { get; init; }
}
