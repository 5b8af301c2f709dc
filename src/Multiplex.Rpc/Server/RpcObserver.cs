using Multiplex.Rpc.Messages;

namespace Multiplex.Rpc.Server;

/// <summary>
/// Observes the calls of a server, for logs, metrics and traces. All threads of the server call it, on the paths that serve; it must be short, must not
/// block, and must not throw. What it sets in an <see cref="AsyncLocal{T}"/>, such as the current activity, the procedure sees, and no other call.
/// </summary>
public abstract class RpcObserver
{
    /// <summary>Read before each call: whether this call is observed. While it is false, observation costs this read alone.</summary>
    public virtual bool IsEnabled => true;

    /// <summary>A procedure is about to run. A repeat that is answered from the reply cache, or dropped, does not run.</summary>
    public virtual void Started(RpcContext context)
    {
    }

    /// <summary>The procedure has ended.</summary>
    /// <param name="context">The call, as in <see cref="Started"/>.</param>
    /// <param name="status">What the reply says.</param>
    /// <param name="failure">What the procedure threw; null when it returned.</param>
    public virtual void Ended(RpcContext context, AcceptStatus status, Exception? failure)
    {
    }

    /// <summary>A call was refused before any procedure ran.</summary>
    /// <param name="context">The call.</param>
    /// <param name="status">What the reply says of the program, its version or procedure; null when the credential was refused.</param>
    /// <param name="why">Why the credential was refused; else <see cref="AuthenticationStatus.Ok"/>.</param>
    public virtual void Refused(RpcContext context, AcceptStatus? status, AuthenticationStatus why)
    {
    }

    internal void TellRefused(in RpcCall call, ProcedureEntry? entry, DispatchTable table, AcceptStatus? status, AuthenticationStatus why)
    {
        if (IsEnabled)
            Refused(call.ToContext(table.NameOf(call.Program, call.Version), entry), status, why);
    }
}
