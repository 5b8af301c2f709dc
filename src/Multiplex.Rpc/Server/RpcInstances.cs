namespace Multiplex.Rpc.Server;

/// <summary>What implements a contract on a server: one object for all calls, or one for each.</summary>
/// <typeparam name="T">The contract.</typeparam>
public sealed class RpcInstances<T>
    where T : class
{
    /// <summary>One object serves all calls, on all threads.</summary>
    public RpcInstances(T only) => Only = only;

    /// <summary>Each call has its own object.</summary>
    /// <param name="begin">Makes it, on the thread that received the call: it must not block. What it throws, the caller gets as SYSTEM_ERR.</param>
    public RpcInstances(Func<RpcContext, RpcCallScope<T>> begin) => Begin = begin;

    /// <summary>The object that serves all calls, or null.</summary>
    internal T? Only { get; }

    /// <summary>Makes one for a call.</summary>
    internal Func<RpcContext, RpcCallScope<T>>? Begin { get; }
}

/// <summary>What serves one call.</summary>
/// <typeparam name="T">The contract.</typeparam>
/// <param name="Instance">The object that the procedure is called on.</param>
/// <param name="Scope">Disposed of when the procedure has ended, before its reply leaves; null for nothing. If the procedure ended at once, an asynchronous disposal is not waited for.</param>
public readonly record struct RpcCallScope<T>(T Instance, IAsyncDisposable? Scope = null)
    where T : class;
