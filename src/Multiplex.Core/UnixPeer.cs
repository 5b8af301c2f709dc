using static Multiplex.Interop.Libc;

namespace Multiplex;

/// <summary>
/// The process at the other end of a UNIX-domain socket, by the kernel's word, unix(7): SO_PEERCRED of a connection, SCM_CREDENTIALS of
/// a datagram.
/// </summary>
/// <param name="ProcessId">The process that connected, or sent the datagram; it may have ended, or handed its socket on.</param>
/// <param name="UserId">Its user at that time: the effective one of a connection, the real one of a datagram.</param>
/// <param name="GroupId">Its group, likewise.</param>
public readonly record struct UnixPeer(int ProcessId, uint UserId, uint GroupId)
{
    /// <summary>Asks the kernel which process is at the other end.</summary>
    /// <returns>Null when the descriptor is no UNIX-domain connection.</returns>
    public static UnixPeer? Of(int descriptor) => getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, out ucred credentials).IsError
        ? null
        : new UnixPeer(credentials.pid, credentials.uid, credentials.gid);
}
