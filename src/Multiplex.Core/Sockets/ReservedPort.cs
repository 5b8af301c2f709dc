using System.Buffers.Binary;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets;

/// <summary>
/// Binds a client's socket to a port from 512 to 1023, as bindresvport(3) does: some servers take such a port, which only a privileged process may
/// bind, as a sign that the kernel or the superuser is the client ("secure" of exports(5)).
/// </summary>
internal static class ReservedPort
{
    /// <summary>How many there are.</summary>
    public const int Count = 512;

    private const int First = 512;

    private static uint s_next = (uint)Environment.ProcessId;   // processes that start together begin elsewhere

    /// <summary>bind(2) to the next port that is free.</summary>
    /// <param name="socket">A new internet socket.</param>
    /// <param name="kind">What it is.</param>
    /// <param name="server">The raw address of the server, for its family.</param>
    /// <returns>EACCES without the privilege (CAP_NET_BIND_SERVICE); EADDRINUSE when no port is free.</returns>
    public static SyscallResult Bind(int socket, EndpointKind kind, ReadOnlySpan<byte> server)
    {
        // A connection that has ended holds its port for a minute, but only against the same server: connect(2) finds that out.
        if (kind.IsStream())
            setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, 1).OrThrow("setsockopt SO_REUSEADDR");
        Span<byte> own = stackalloc byte[server.Length];
        own.Clear();
        server[..sizeof(ushort)].CopyTo(own);   // the family; any address of this machine
        SyscallResult result = default;
        for (int i = 0; i < Count; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(own[sizeof(ushort)..], (ushort)(First + (Interlocked.Increment(ref s_next) % Count)));
            result = bind(socket, own);
            if (!result.Is(EADDRINUSE))
                break;
        }

        return result;
    }

    /// <summary>The failure of <see cref="Bind"/>.</summary>
    public static SyscallException Problem(int errno) => new("bind", errno, "a port from 512 to 1023", errno switch
    {
        EACCES => "such a port needs privilege (CAP_NET_BIND_SERVICE): run with that, or without BindReservedPort",
        EADDRINUSE => "other sockets have all of them: close some",
        _ => null,
    });
}
