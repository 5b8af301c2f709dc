using static Multiplex.Interop.Libc;

namespace Multiplex;

/// <summary>The other end of a UNIX-domain connection, by the kernel's word: SO_PEERCRED of unix(7).</summary>
/// <param name="ProcessId">The process that connected; it may have ended, or handed its socket on.</param>
/// <param name="UserId">Its effective user at that time.</param>
/// <param name="GroupId">Its effective group.</param>
public sealed record UnixPeer(int ProcessId, uint UserId, uint GroupId)
{
    /// <summary>Asks the kernel who is at the other end.</summary>
    /// <returns>Null when the descriptor is no UNIX-domain connection.</returns>
    public static UnixPeer? Of(int descriptor) => getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, out ucred credentials).IsError
        ? null
        : new(credentials.pid, credentials.uid, credentials.gid);
}
