using static Multiplex.Interop.Libc;

namespace Multiplex;

/// <summary>The other end of a UNIX-domain connection, by the kernel's word: SO_PEERCRED of unix(7).</summary>
/// <param name="ProcessId">The process that connected; it may have ended, or handed its socket on.</param>
/// <param name="UserId">Its effective user at that time.</param>
/// <param name="GroupId">Its effective group.</param>
/// <param name="Connection">A number that no other socket of this machine has had: SO_COOKIE. Clients seldom have a name to tell them apart by.</param>
public sealed record UnixPeer(int ProcessId, uint UserId, uint GroupId, ulong Connection)
{
    /// <summary>Asks the kernel who is at the other end.</summary>
    /// <returns>Null when the descriptor is no UNIX-domain connection.</returns>
    public static UnixPeer? Of(int descriptor) =>
        getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, out ucred credentials).IsError
            || getsockopt(descriptor, SOL_SOCKET, SO_COOKIE, out ulong cookie).IsError
            ? null
            : new(credentials.pid, credentials.uid, credentials.gid, cookie);
}
