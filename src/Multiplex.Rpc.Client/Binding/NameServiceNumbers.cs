namespace Multiplex.Rpc.Binding;

/// <summary>The numbers of a name service, RFC 1833.</summary>
internal static class NameServiceNumbers
{
    /// <summary>Its program.</summary>
    public const uint Program = 100_000;

    /// <summary>Its port, of TCP and UDP.</summary>
    public const int Port = 111;

    /// <summary>Its UNIX-domain socket.</summary>
    public const string SocketPath = "/run/rpcbind.sock";

    /// <summary>The version that is called portmap.</summary>
    public const uint PortmapVersion = 2;

    /// <summary>The highest version that is called rpcbind.</summary>
    public const uint HighVersion = 4;
}

/// <summary>The procedures of rpcbind, RFC 1833 section 2.2; from 9 on, of version 4 only.</summary>
internal enum RpcbindProcedure : uint
{
    Null = 0,
    Set = 1,
    Unset = 2,
    GetAddress = 3,
    Dump = 4,
    CallIt = 5,   // BCAST in version 4
    GetTime = 6,
    UaddrToTaddr = 7,
    TaddrToUaddr = 8,
    GetVersionAddress = 9,
    Indirect = 10,
    GetAddressList = 11,
    GetStatistics = 12,
}
