using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets.Names;

/// <summary>
/// The name in the file system that bind(2) gave a UNIX-domain socket of this process. It may be another server's by the time that this one
/// stops, so it is known by its inode, which stays this socket's until it is closed.
/// </summary>
internal sealed class SocketName
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(5);

    private readonly string _path;
    private readonly (uint Major, uint Minor, ulong Inode) _file;
    private readonly Lock _removing = new();   // the thread that ends the process may come when another stops the server
    private bool _isRemoved;

    /// <summary>Takes note of the name that was just made, under its lock.</summary>
    public SocketName(string path)
    {
        _path = path;
        _file = FileOf(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW) ?? throw new IOException($"{path}: the socket's name was removed at once by another process");
    }

    /// <summary>Locks a name for a server that makes it: see <see cref="NameLock.Take"/>.</summary>
    public static NameLock? Lock(string path) => NameLock.Take(path, s_timeout);

    /// <summary>Whether there is a socket at this path.</summary>
    public static bool IsSocket(string path) =>
        !statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, out statx_t status).IsError && (status.stx_mode & S_IFMT) == S_IFSOCK;

    /// <summary>
    /// Removes a name that outlived its socket. When no socket is bound to it, connect(2) says ECONNREFUSED, and the name may go. It says so
    /// too of a file that never was a socket: that one stays.
    /// </summary>
    /// <returns>Whether the name is free now.</returns>
    public static bool RemoveStale(Endpoint endpoint, ReadOnlySpan<byte> address)
    {
        if (!IsSocket(endpoint.Path))
            return false;
        SyscallResult probe = socket(AF_UNIX, endpoint.Kind.SocketType() | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (probe.IsError)
            return false;
        bool stale = connect((int)probe.Value, address).Is(ECONNREFUSED);
        close((int)probe.Value);
        return stale && !unlink(endpoint.Path).IsError;
    }

    /// <summary>Removes the name if it is still this socket's. Where the lock cannot be had the name stays: the next server takes it for stale.</summary>
    public void Remove()
    {
        lock (_removing)
        {
            if (_isRemoved)
                return;
            _isRemoved = true;
            try
            {
                using NameLock? held = Lock(_path);
                if (FileOf(AT_FDCWD, _path, AT_SYMLINK_NOFOLLOW) == _file)
                    unlink(_path);
            }
            catch (IOException)
            {
                // Said above.
            }
        }
    }

    /// <summary>The file that statx(2) finds: its device and its inode; null when there is none.</summary>
    internal static (uint Major, uint Minor, ulong Inode)? FileOf(int directory, string path, int flags) =>
        statx(directory, path, flags, STATX_BASIC_STATS, out statx_t status).IsError ? null : (status.stx_dev_major, status.stx_dev_minor, status.stx_ino);
}
