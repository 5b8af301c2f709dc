using Multiplex.Rpc.Messages;
using Multiplex.Sockets;

namespace Multiplex.Rpc.Client;

/// <summary>A call failed: the server refused it, its reply cannot be decoded, or no reply came.</summary>
public class RpcException(string message, Exception? inner = null) : IOException(message, inner)
{
    /// <summary>The server of the call; null when the failure is of no call.</summary>
    public Endpoint? Server { get; private set; }

    /// <summary>The procedure that was called.</summary>
    public RpcProcedure Procedure { get; private set; }

    /// <summary>The transaction, as server logs and packet captures show it; 0 when the call was given none.</summary>
    public uint Xid { get; private set; }

    /// <summary>Which call failed, and why.</summary>
    public override string Message => Server is null ? base.Message : $"call {Server}: {Procedure}{(Xid == 0 ? "" : $" (xid 0x{Xid:x8})")}: {base.Message}";

    /// <summary>Why alone.</summary>
    internal string Reason => base.Message;

    /// <summary>The same failure, of this call: one event may end many calls.</summary>
    internal RpcException Of(Endpoint server, RpcProcedure procedure, uint xid)
    {
        RpcException own = (RpcException)MemberwiseClone();
        (own.Server, own.Procedure, own.Xid) = (server, procedure, xid);
        return own;
    }
}

/// <summary>No reply came in time. Whether the server has run the call, or will, is not known, unless it was not sent.</summary>
public sealed class RpcTimeoutException(string message) : RpcException(message)
{
    /// <summary>Bytes of a reply that had arrived and was not whole, of this call or of another one.</summary>
    public int ArrivedBytes { get; init; }

    /// <summary>Whether any byte of the call was given to the kernel. If not, none will be, and the server has not run it.</summary>
    public bool WasSent { get; init; } = true;
}

/// <summary>
/// The connection broke and the call may not be repeated, or no new connection could be made; over datagrams: no server is there.
/// Unless <see cref="WasSent"/> is false, whether the server has run the call is not known.
/// </summary>
public sealed class RpcConnectionException(string message, Exception? inner = null) : RpcException(message, inner)
{
    /// <summary>Whether any of the call was given to the kernel. If not, it never will be, and the server has not run it.</summary>
    public bool WasSent { get; internal set; } = true;
}

/// <summary>There is no TLS with the server: it has none, one of the two refuses the other, or what came was no TLS.</summary>
public sealed class RpcTlsException(string message) : RpcException(message);

/// <summary>What the server sent is no reply, or its results cannot be decoded.</summary>
public sealed class RpcBadReplyException(string message) : RpcException(message);

/// <summary>The server answered that it has not carried out the call; RFC 5531 section 9 names the reasons.</summary>
public abstract class RpcRefusedException(string name, string meaning) : RpcException($"{name}: {meaning}")
{
    /// <summary>The reason's name in the RFC, such as "PROG_UNAVAIL".</summary>
    public string Name { get; } = name;
}

/// <summary>PROG_UNAVAIL.</summary>
public sealed class RpcProgramUnavailableException() : RpcRefusedException("PROG_UNAVAIL", "the server does not have this program");

/// <summary>PROG_MISMATCH.</summary>
public sealed class RpcProgramMismatchException(uint low, uint high)
    : RpcRefusedException("PROG_MISMATCH", $"the server has versions {low} to {high} of this program")
{
    /// <summary>The lowest version that the server has.</summary>
    public uint Low { get; } = low;

    /// <summary>The highest version that the server has.</summary>
    public uint High { get; } = high;
}

/// <summary>PROC_UNAVAIL.</summary>
public sealed class RpcProcedureUnavailableException() : RpcRefusedException("PROC_UNAVAIL", "the program does not have this procedure");

/// <summary>GARBAGE_ARGS.</summary>
public sealed class RpcGarbageArgumentsException() : RpcRefusedException("GARBAGE_ARGS", "the server cannot decode the arguments");

/// <summary>SYSTEM_ERR.</summary>
public sealed class RpcSystemErrorException() : RpcRefusedException("SYSTEM_ERR", "the server failed");

/// <summary>RPC_MISMATCH.</summary>
public sealed class RpcMismatchException(uint low, uint high)
    : RpcRefusedException("RPC_MISMATCH", $"the server speaks RPC versions {low} to {high}")
{
    /// <summary>The lowest RPC version that the server speaks.</summary>
    public uint Low { get; } = low;

    /// <summary>The highest RPC version that the server speaks.</summary>
    public uint High { get; } = high;
}

/// <summary>AUTH_ERROR.</summary>
public sealed class RpcAuthenticationException(AuthenticationStatus status)
    : RpcRefusedException("AUTH_ERROR", $"the server refuses the caller: {NameOf(status)} (auth_stat {(uint)status})")
{
    /// <summary>Why.</summary>
    public AuthenticationStatus Status { get; } = status;

    private static string NameOf(AuthenticationStatus status) => status switch
    {
        AuthenticationStatus.BadCredential => "AUTH_BADCRED, the credential is broken",
        AuthenticationStatus.RejectedCredential => "AUTH_REJECTEDCRED, the credential is not accepted",
        AuthenticationStatus.BadVerifier => "AUTH_BADVERF, the verifier is broken",
        AuthenticationStatus.TooWeak => "AUTH_TOOWEAK, a stronger credential is wanted",
        _ => "for a reason of its own",
    };
}
