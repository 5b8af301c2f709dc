using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// read(2), write(2), close(2), dup(2), lseek(2), fork(2), _Fork(3), _exit(2), execve(2), getpid(2), gettid(2), getuid(2), getgroups(2), gethostname(2), unlink(2), ftruncate(2)
public static unsafe partial class Libc
{
    public const int STDERR_FILENO = 2;
    public const int SEEK_SET = 0;
    public const int SEEK_END = 2;
    public const int SEEK_DATA = 3;

    /// <summary>read(2): recv(2) without options, on any descriptor.</summary>
    public static SyscallResult read(int fd, Span<byte> buffer)
    {
        fixed (byte* buf = buffer)
        {
            SyscallResult result;
            do
            {
                result = SyscallResult.Of(Raw.read(fd, buf, (nuint)buffer.Length));
            }
            while (result.Is(EINTR));
            return result;
        }
    }

    /// <summary>write(2): send(2) without options, on any descriptor. It raises SIGPIPE if the peer has closed the connection.</summary>
    public static SyscallResult write(int fd, ReadOnlySpan<byte> data)
    {
        fixed (byte* buf = data)
        {
            SyscallResult result;
            do
            {
                result = SyscallResult.Of(Raw.write(fd, buf, (nuint)data.Length));
            }
            while (result.Is(EINTR));
            return result;
        }
    }

    /// <summary>close(2). Not retried: on Linux the descriptor is gone even when EINTR is reported.</summary>
    public static SyscallResult close(int fd) => SyscallResult.Of(Raw.close(fd));

    /// <summary>dup(2): a second descriptor of the same open socket or file.</summary>
    public static SyscallResult dup(int fd) => SyscallResult.Of(Raw.dup(fd));

    /// <summary>dup2(2): as dup, at a number of the caller's choice; what was open there is closed.</summary>
    public static SyscallResult dup2(int oldfd, int newfd) => SyscallResult.Of(Raw.dup2(oldfd, newfd));

    /// <summary>dup3(2): as dup2, with O_CLOEXEC in the flags if wanted; EINVAL when both numbers are the same.</summary>
    public static SyscallResult dup3(int oldfd, int newfd, int flags) => SyscallResult.Of(Raw.dup3(oldfd, newfd, flags));

    /// <summary>lseek(2): moves a file's offset; a socket has none and answers ESPIPE.</summary>
    public static SyscallResult lseek(int fd, long offset, int whence) => SyscallResult.Of((nint)Raw.lseek(fd, offset, whence));

    /// <summary>ftruncate(2): sets a file's length in bytes.</summary>
    public static SyscallResult ftruncate(int fd, long length) => SyscallResult.Of(Raw.ftruncate(fd, length));

    /// <summary>
    /// fork(2): a copy of this process, in which only the calling thread goes on. Returns the child's process id to the
    /// parent and 0 to the child. Under the .NET runtime this is dangerous: see ForkRuntime before calling it.
    /// </summary>
    public static SyscallResult fork() => SyscallResult.Of(Raw.fork());

    /// <summary>
    /// _Fork(3): fork(2) that takes none of libc's locks and runs no handlers of pthread_atfork(3). What another thread had locked stays locked in
    /// the child.
    /// </summary>
    public static SyscallResult _Fork() => SyscallResult.Of(Raw._Fork());

    /// <summary>_exit(2): ends the process at once; no finalizer, no exit handler, no flush.</summary>
    [DoesNotReturn]
    public static void _exit(int status)
    {
        Raw._exit(status);
        throw new InvalidOperationException("_exit(2) returned");
    }

    /// <summary>execve(2): replaces this process's program by another one. Returns only on failure.</summary>
    public static SyscallResult execve(string path, IReadOnlyList<string> arguments, IReadOnlyList<string> environment)
    {
        // The memory is not freed: either the process image is replaced, or the caller ends the process.
        nint[] argv = [.. arguments.Select(Marshal.StringToCoTaskMemUTF8), 0];
        nint[] envp = [.. environment.Select(Marshal.StringToCoTaskMemUTF8), 0];
        fixed (nint* args = argv, env = envp)
        {
            return SyscallResult.Of(Raw.execve((byte*)Marshal.StringToCoTaskMemUTF8(path), (byte**)args, (byte**)env));
        }
    }

    /// <summary>getpid(2): this process.</summary>
    public static int getpid() => Raw.getpid();

    /// <summary>getppid(2): the parent of this process; 1 or a subreaper once the parent is dead.</summary>
    public static int getppid() => Raw.getppid();

    /// <summary>gettid(2): this kernel thread.</summary>
    public static int gettid() => Raw.gettid();

    /// <summary>getuid(2): the real user of this process.</summary>
    public static uint getuid() => Raw.getuid();

    /// <summary>geteuid(2): the effective user of this process, which decides what it may do; 0 is root.</summary>
    public static uint geteuid() => Raw.geteuid();

    /// <summary>getegid(2): the effective group of this process.</summary>
    public static uint getegid() => Raw.getegid();

    /// <summary>setresuid(2), in every thread of the process as the C library does it: the real, effective and saved user. EPERM without CAP_SETUID; EAGAIN.</summary>
    public static SyscallResult setresuid(uint real, uint effective, uint saved) => SyscallResult.Of(Raw.setresuid(real, effective, saved));

    /// <summary>setresgid(2), likewise: the real, effective and saved group. EPERM without CAP_SETGID.</summary>
    public static SyscallResult setresgid(uint real, uint effective, uint saved) => SyscallResult.Of(Raw.setresgid(real, effective, saved));

    /// <summary>chroot(2): a folder becomes the root of all paths of the process. EPERM without CAP_SYS_CHROOT. chdir(2) is to follow.</summary>
    public static SyscallResult chroot(string path)
    {
        nint name = Marshal.StringToCoTaskMemUTF8(path);
        SyscallResult result = SyscallResult.Of(Raw.chroot((byte*)name));
        Marshal.FreeCoTaskMem(name);
        return result;
    }

    /// <summary>chdir(2): sets the working folder of the process.</summary>
    public static SyscallResult chdir(string path)
    {
        nint name = Marshal.StringToCoTaskMemUTF8(path);
        SyscallResult result = SyscallResult.Of(Raw.chdir((byte*)name));
        Marshal.FreeCoTaskMem(name);
        return result;
    }

    /// <summary>getgroups(2): the supplementary groups.</summary>
    /// <param name="list">Receives them; empty to get only their number.</param>
    /// <returns>How many there are.</returns>
    public static SyscallResult getgroups(Span<uint> list)
    {
        fixed (uint* first = list)
        {
            return SyscallResult.Of(Raw.getgroups(list.Length, first));
        }
    }

    /// <summary>gethostname(2): this machine's name, UTF-8 with a NUL at its end.</summary>
    public static SyscallResult gethostname(Span<byte> name)
    {
        fixed (byte* first = name)
        {
            return SyscallResult.Of(Raw.gethostname(first, (nuint)name.Length));
        }
    }

    /// <summary>unlink(2): removes a name, such as the path of a UNIX-domain socket.</summary>
    public static SyscallResult unlink(string path)
    {
        nint name = Marshal.StringToCoTaskMemUTF8(path);
        try
        {
            return SyscallResult.Of(Raw.unlink((byte*)name));
        }
        finally
        {
            Marshal.FreeCoTaskMem(name);
        }
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial nint read(int fd, void* buf, nuint count);

    [LibraryImport(LibraryName)]
    public static partial nint write(int fd, void* buf, nuint count);

    [LibraryImport(LibraryName)]
    public static partial int close(int fd);

    [LibraryImport(LibraryName)]
    public static partial int dup(int oldfd);

    [LibraryImport(LibraryName)]
    public static partial int dup2(int oldfd, int newfd);

    [LibraryImport(LibraryName)]
    public static partial int dup3(int oldfd, int newfd, int flags);

    [LibraryImport(LibraryName)]
    public static partial long lseek(int fd, long offset, int whence);

    [LibraryImport(LibraryName)]
    public static partial int ftruncate(int fd, long length);

    [LibraryImport(LibraryName)]
    public static partial int fork();

    [LibraryImport(LibraryName)]
    public static partial int _Fork();

    [LibraryImport(LibraryName)]
    public static partial void _exit(int status);

    [LibraryImport(LibraryName)]
    public static partial int execve(byte* pathname, byte** argv, byte** envp);

    [LibraryImport(LibraryName)]
    public static partial int getpid();

    [LibraryImport(LibraryName)]
    public static partial int getppid();

    [LibraryImport(LibraryName)]
    public static partial int gettid();

    [LibraryImport(LibraryName)]
    public static partial int setresuid(uint ruid, uint euid, uint suid);

    [LibraryImport(LibraryName)]
    public static partial int setresgid(uint rgid, uint egid, uint sgid);

    [LibraryImport(LibraryName)]
    public static partial int chroot(byte* path);

    [LibraryImport(LibraryName)]
    public static partial int chdir(byte* path);

    [LibraryImport(LibraryName)]
    public static partial uint getuid();

    [LibraryImport(LibraryName)]
    public static partial uint geteuid();

    [LibraryImport(LibraryName)]
    public static partial uint getegid();

    [LibraryImport(LibraryName)]
    public static partial int getgroups(int size, uint* list);

    [LibraryImport(LibraryName)]
    public static partial int gethostname(byte* name, nuint len);

    [LibraryImport(LibraryName)]
    public static partial int unlink(byte* pathname);
}
