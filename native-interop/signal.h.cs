using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// signal(7), sigaction(2), pthread_sigmask(3), kill(2)
public static unsafe partial class Libc
{
    public const int SIGHUP = 1;
    public const int SIGINT = 2;
    public const int SIGQUIT = 3;
    public const int SIGKILL = 9;
    public const int SIGUSR1 = 10;
    public const int SIGPIPE = 13;
    public const int SIGTERM = 15;
    public const int SIGCHLD = 17;
    public const int SIGCONT = 18;
    public const int SIGSTOP = 19;
    public const int SIGTSTP = 20;
    public const int SIGTTIN = 21;
    public const int SIGTTOU = 22;
    public const int SIGWINCH = 28;

    public const int SIG_BLOCK = 0;
    public const int SIG_SETMASK = 2;

    /// <summary>The disposition goes back to SIG_DFL when the handler is called.</summary>
    public const uint SA_RESETHAND = 0x8000_0000;

    /// <summary>The disposition SIG_DFL: what the kernel does with a signal that is not handled.</summary>
    public const nint SIG_DFL = 0;

    /// <summary>The disposition SIG_IGN: the signal is dropped.</summary>
    public const nint SIG_IGN = 1;

    /// <summary>pthread_sigmask(3): changes the calling thread's set of blocked signals; threads and programs started later inherit it.</summary>
    /// <returns>0, or the negative errno (the function returns it, and does not set errno).</returns>
    public static SyscallResult pthread_sigmask(int how, in sigset_t set, out sigset_t old)
    {
        sigset_t change = set;
        sigset_t before = default;
        int error = Raw.pthread_sigmask(how, &change, &before);
        old = before;
        return error == 0 ? default : SyscallResult.Failed(error);
    }

    /// <summary>sigaction(2): sets what a signal does to the process.</summary>
    /// <param name="signum">The signal.</param>
    /// <param name="handler">SIG_DFL, SIG_IGN or the address of a native function.</param>
    /// <param name="flags">SA_ flags. Without SA_RESTART a blocking call that the signal interrupts returns EINTR.</param>
    public static SyscallResult sigaction(int signum, nint handler, int flags = 0)
    {
        sigaction_t action = new() { sa_handler = handler, sa_flags = flags };
        return SyscallResult.Of(Raw.sigaction(signum, &action, null));
    }

    /// <summary>sigaction(2): sets the disposition of a signal, and returns the previous one.</summary>
    public static SyscallResult sigaction(int signum, in sigaction_t action, out sigaction_t old)
    {
        sigaction_t change = action, before = default;
        SyscallResult result = SyscallResult.Of(Raw.sigaction(signum, &change, &before));
        old = before;
        return result;
    }

    /// <summary>sigaction(2): reads the disposition of a signal.</summary>
    /// <param name="signum">The signal.</param>
    /// <param name="handler">Receives SIG_DFL, SIG_IGN or the address of the handler.</param>
    public static SyscallResult sigaction(int signum, out nint handler)
    {
        sigaction_t action = default;
        SyscallResult result = SyscallResult.Of(Raw.sigaction(signum, null, &action));
        handler = action.sa_handler;
        return result;
    }

    /// <summary>kill(2): sends a signal to a process, or to a process group if the number is negative; signal 0 only checks whether it exists.</summary>
    public static SyscallResult kill(int pid, int sig) => SyscallResult.Of(Raw.kill(pid, sig));

    /// <summary>A set of signals, one bit each; bit n-1 is signal n.</summary>
    [InlineArray(16)]
    public struct sigset_t
    {
        private ulong _first;

        /// <summary>The set of these signals.</summary>
        public static sigset_t Of(params ReadOnlySpan<int> signals)
        {
            sigset_t set = default;
            foreach (int signal in signals)
                set[0] |= 1UL << (signal - 1);
            return set;
        }

        /// <summary>Whether the set has this signal: sigismember(3).</summary>
        public readonly bool Contains(int signal) => (this[0] & (1UL << (signal - 1))) != 0;
    }

    /// <summary>glibc's struct sigaction: handler, mask, flags, restorer.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct sigaction_t
    {
        public nint sa_handler;
        public sigset_t sa_mask;
        public int sa_flags;
        public nint sa_restorer;
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int pthread_sigmask(int how, Libc.sigset_t* set, Libc.sigset_t* oldset);

    [LibraryImport(LibraryName)]
    public static partial int sigaction(int signum, Libc.sigaction_t* act, Libc.sigaction_t* oldact);

    [LibraryImport(LibraryName)]
    public static partial int kill(int pid, int sig);
}
