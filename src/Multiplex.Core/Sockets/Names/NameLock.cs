using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets.Names;

/// <summary>
/// The right to make or remove one socket's name in the file system, which one server at a time has. Between bind(2) and listen(2) a socket
/// refuses connections like one that is dead: another server would take its name for a stale one. The lock, flock(2), is that of a file
/// beside the name, PATH.lock, which is there for as long.
/// </summary>
internal sealed class NameLock : IDisposable
{
    private const int LookAgainMilliseconds = 5;
    private const uint OwnerOnly = 0x180;   // rw-------

    private readonly string _file;
    private readonly int _descriptor;

    private NameLock(string file, int descriptor) => (_file, _descriptor) = (file, descriptor);

    /// <summary>Takes it, and waits while another server has it.</summary>
    /// <param name="path">The socket's name.</param>
    /// <param name="timeout">How long to wait; a server has it for some milliseconds.</param>
    /// <returns>Null when no file can be made in that directory, and so no name either.</returns>
    /// <exception cref="SyscallException">The file is there and cannot be opened: EACCES, another user's; ELOOP, a symbolic link.</exception>
    /// <exception cref="IOException">The time is up.</exception>
    public static NameLock? Take(string path, TimeSpan timeout)
    {
        string file = path + ".lock";
        long until = Environment.TickCount64 + (long)timeout.TotalMilliseconds;
        while (true)
        {
            SyscallResult opened = Open(file);
            if (opened.IsError)
                return null;
            int descriptor = (int)opened.Value;
            bool isLocked = !flock(descriptor, LOCK_EX | LOCK_NB).IsError;
            if (isLocked && IsStillNamed(descriptor, file))
                return new(file, descriptor);
            close(descriptor);   // the one that had it has removed the file
            if (isLocked)
                continue;
            if (Environment.TickCount64 > until)
                throw new IOException($"{file} has been locked by another process for {timeout.TotalSeconds} s: end it, or choose another name");
            poll([], LookAgainMilliseconds);
        }
    }

    /// <summary>Gives it back.</summary>
    public void Dispose()
    {
        unlink(_file);
        close(_descriptor);
    }

    // The file there may be, or be gone a moment later.
    private static SyscallResult Open(string file)
    {
        while (true)
        {
            SyscallResult existing = open(file, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
            if (!existing.IsError)
                return existing;
            if (!existing.Is(ENOENT))
                existing.OrThrow("open", file);
            SyscallResult made = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, OwnerOnly);
            if (!made.Is(EEXIST))
                return made;
        }
    }

    private static bool IsStillNamed(int descriptor, string file) =>
        SocketName.FileOf(descriptor, "", AT_EMPTY_PATH) is { } opened && SocketName.FileOf(AT_FDCWD, file, AT_SYMLINK_NOFOLLOW) == opened;
}
