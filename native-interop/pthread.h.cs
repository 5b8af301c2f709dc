using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// pthread_mutexattr_init(3), pthread_mutexattr_setpshared(3), pthread_mutexattr_setrobust(3), pthread_mutex_init(3),
// pthread_mutex_lock(3), pthread_mutex_consistent(3). All return the errno instead of setting it.
public static unsafe partial class Libc
{
    public const int PTHREAD_PROCESS_SHARED = 1;
    public const int PTHREAD_MUTEX_ROBUST = 1;

    /// <summary>pthread_mutexattr_init(3): the attributes of an ordinary mutex.</summary>
    public static SyscallResult pthread_mutexattr_init(out pthread_mutexattr_t attr)
    {
        pthread_mutexattr_t made = default;
        SyscallResult result = ResultOf(Raw.pthread_mutexattr_init(&made));
        attr = made;
        return result;
    }

    /// <summary>pthread_mutexattr_setpshared(3): PTHREAD_PROCESS_SHARED, for a mutex in memory that several processes map.</summary>
    public static SyscallResult pthread_mutexattr_setpshared(ref pthread_mutexattr_t attr, int pshared)
    {
        fixed (pthread_mutexattr_t* pointer = &attr)
        {
            return ResultOf(Raw.pthread_mutexattr_setpshared(pointer, pshared));
        }
    }

    /// <summary>pthread_mutexattr_setrobust(3): PTHREAD_MUTEX_ROBUST, for a mutex that is freed when its owner dies.</summary>
    public static SyscallResult pthread_mutexattr_setrobust(ref pthread_mutexattr_t attr, int robustness)
    {
        fixed (pthread_mutexattr_t* pointer = &attr)
        {
            return ResultOf(Raw.pthread_mutexattr_setrobust(pointer, robustness));
        }
    }

    /// <summary>pthread_mutex_init(3). The mutex must not move in memory from now on.</summary>
    public static SyscallResult pthread_mutex_init(ref pthread_mutex_t mutex, in pthread_mutexattr_t attr)
    {
        fixed (pthread_mutex_t* pointer = &mutex)
        fixed (pthread_mutexattr_t* attributes = &attr)
        {
            return ResultOf(Raw.pthread_mutex_init(pointer, attributes));
        }
    }

    /// <summary>pthread_mutex_lock(3): waits for it. For a robust mutex, EOWNERDEAD: the caller has locked it, and its previous owner died without unlocking it.</summary>
    public static SyscallResult pthread_mutex_lock(ref pthread_mutex_t mutex)
    {
        fixed (pthread_mutex_t* pointer = &mutex)
        {
            return ResultOf(Raw.pthread_mutex_lock(pointer));
        }
    }

    /// <summary>pthread_mutex_trylock(3): as <see cref="pthread_mutex_lock"/>, but EBUSY instead of a wait.</summary>
    public static SyscallResult pthread_mutex_trylock(ref pthread_mutex_t mutex)
    {
        fixed (pthread_mutex_t* pointer = &mutex)
        {
            return ResultOf(Raw.pthread_mutex_trylock(pointer));
        }
    }

    /// <summary>pthread_mutex_consistent(3): after EOWNERDEAD, declares the data that the mutex protects consistent again. Otherwise EINVAL.</summary>
    public static SyscallResult pthread_mutex_consistent(ref pthread_mutex_t mutex)
    {
        fixed (pthread_mutex_t* pointer = &mutex)
        {
            return ResultOf(Raw.pthread_mutex_consistent(pointer));
        }
    }

    /// <summary>pthread_mutex_unlock(3), by the thread that has it.</summary>
    public static SyscallResult pthread_mutex_unlock(ref pthread_mutex_t mutex)
    {
        fixed (pthread_mutex_t* pointer = &mutex)
        {
            return ResultOf(Raw.pthread_mutex_unlock(pointer));
        }
    }

    private static SyscallResult ResultOf(int error) => error == 0 ? default : SyscallResult.Failed(error);

    /// <summary>Room for a mutex of glibc: it takes 40 bytes on x86-64 and 48 on ARM64.</summary>
    [InlineArray(6)]
    public struct pthread_mutex_t
    {
        private ulong _first;
    }

    /// <summary>Room for the attributes of a mutex: they take 4 bytes on x86-64 and 8 on ARM64.</summary>
    [InlineArray(1)]
    public struct pthread_mutexattr_t
    {
        private ulong _first;
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int pthread_mutexattr_init(Libc.pthread_mutexattr_t* attr);

    [LibraryImport(LibraryName)]
    public static partial int pthread_mutexattr_setpshared(Libc.pthread_mutexattr_t* attr, int pshared);

    [LibraryImport(LibraryName)]
    public static partial int pthread_mutexattr_setrobust(Libc.pthread_mutexattr_t* attr, int robustness);

    [LibraryImport(LibraryName)]
    public static partial int pthread_mutex_init(Libc.pthread_mutex_t* mutex, Libc.pthread_mutexattr_t* attr);

    [LibraryImport(LibraryName)]
    public static partial int pthread_mutex_lock(Libc.pthread_mutex_t* mutex);

    [LibraryImport(LibraryName)]
    public static partial int pthread_mutex_trylock(Libc.pthread_mutex_t* mutex);

    [LibraryImport(LibraryName)]
    public static partial int pthread_mutex_consistent(Libc.pthread_mutex_t* mutex);

    [LibraryImport(LibraryName)]
    public static partial int pthread_mutex_unlock(Libc.pthread_mutex_t* mutex);
}
