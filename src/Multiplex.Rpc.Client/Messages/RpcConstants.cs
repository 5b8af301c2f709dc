namespace Multiplex.Rpc.Messages;

/// <summary>RFC 5531 section 9, enum msg_type.</summary>
public enum MessageType : uint
{
    /// <summary>CALL.</summary>
    Call = 0,

    /// <summary>REPLY.</summary>
    Reply = 1,
}

/// <summary>RFC 5531 section 9, enum reply_stat.</summary>
internal enum ReplyStatus : uint
{
    /// <summary>MSG_ACCEPTED.</summary>
    Accepted = 0,

    /// <summary>MSG_DENIED.</summary>
    Denied = 1,
}

/// <summary>RFC 5531 section 9, enum accept_stat.</summary>
public enum AcceptStatus : uint
{
    /// <summary>SUCCESS: the procedure ran.</summary>
    Success = 0,

    /// <summary>PROG_UNAVAIL: the server does not have the program.</summary>
    ProgramUnavailable = 1,

    /// <summary>PROG_MISMATCH: the server has the program, but not this version.</summary>
    ProgramMismatch = 2,

    /// <summary>PROC_UNAVAIL: the program has no such procedure.</summary>
    ProcedureUnavailable = 3,

    /// <summary>GARBAGE_ARGS: the arguments cannot be decoded.</summary>
    GarbageArguments = 4,

    /// <summary>SYSTEM_ERR: an error in the server, such as no memory.</summary>
    SystemError = 5,
}

/// <summary>RFC 5531 section 9, enum reject_stat.</summary>
internal enum RejectStatus : uint
{
    /// <summary>RPC_MISMATCH: the RPC version is not 2.</summary>
    RpcMismatch = 0,

    /// <summary>AUTH_ERROR: the credential or verifier is refused.</summary>
    AuthenticationError = 1,
}

/// <summary>RFC 5531 section 9, enum auth_stat: the part of it that concerns this server.</summary>
public enum AuthenticationStatus : uint
{
    /// <summary>AUTH_OK: nothing is wrong. No reply carries it.</summary>
    Ok = 0,

    /// <summary>AUTH_BADCRED: the credential is broken.</summary>
    BadCredential = 1,

    /// <summary>AUTH_REJECTEDCRED: the client must begin a new session; here, a flavor that is not served.</summary>
    RejectedCredential = 2,

    /// <summary>AUTH_BADVERF: the verifier is broken.</summary>
    BadVerifier = 3,

    /// <summary>AUTH_TOOWEAK: rejected for security reasons, such as AUTH_NONE where the server requires AUTH_SYS.</summary>
    TooWeak = 5,

    /// <summary>AUTH_FAILED: for an unknown reason.</summary>
    Failed = 7,
}

/// <summary>RFC 5531 section 8.2, enum auth_flavor.</summary>
public enum AuthenticationFlavor : uint
{
    /// <summary>AUTH_NONE.</summary>
    None = 0,

    /// <summary>AUTH_SYS: machine name, user and groups, none of it proven.</summary>
    Sys = 1,

    /// <summary>AUTH_TLS of RFC 9289: asks whether the server has TLS.</summary>
    Tls = 7,
}

/// <summary>Numbers of RFC 5531.</summary>
public static class RpcConstants
{
    /// <summary>RPCVERS: the RPC protocol version.</summary>
    public const uint RpcVersion = 2;

    /// <summary>The longest body of a credential or verifier, in bytes: section 8.2.</summary>
    public const int MaxAuthenticationBody = 400;

    /// <summary>Groups of an AUTH_SYS credential: appendix A.</summary>
    public const int MaxGroups = 16;

    /// <summary>The longest machine name of an AUTH_SYS credential, in bytes: appendix A.</summary>
    public const int MaxMachineName = 255;
}
