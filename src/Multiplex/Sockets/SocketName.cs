using Mono.Unix.Native;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets;

/// <summary>
/// The name in the file system that bind(2) gave a UNIX-domain socket of this process. It may be another server's by the time that this one
/// stops, so it is known by its inode, which stays this socket's until it is closed.
/// </summary>
internal sealed class SocketName
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private readonly string _path;
    private readonly (ulong Device, ulong Inode) _file;
    private readonly Lock _removing = new();   // the thread that ends the process may come when another stops the server
    private bool _isRemoved;

    /// <summary>Takes note of the name that was just made, under its lock.</summary>
    public SocketName(string path)
    {
        _path = path;
        _file = FileAt(path) ?? throw new IOException($"{path}: the socket's name was removed at once by another process");
    }

    /// <summary>Locks a name for a server that makes it: see <see cref="NameLock.Take"/>.</summary>
    public static NameLock? Lock(string path) => NameLock.Take(path, s_patience);

    /// <summary>Whether there is a socket at this path.</summary>
    public static bool IsSocket(string path) =>
        Syscall.lstat(path, out Stat status) == 0 && (status.st_mode & FilePermissions.S_IFMT) == FilePermissions.S_IFSOCK;

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
                if (FileAt(_path) == _file)
                    unlink(_path);
            }
            catch (IOException)
            {
                // Said above.
            }
        }
    }

    private static (ulong Device, ulong Inode)? FileAt(string path) =>
        Syscall.lstat(path, out Stat status) == 0 ? (status.st_dev, status.st_ino) : null;
}
