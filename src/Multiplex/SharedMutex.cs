using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex;

/// <summary>
/// A mutex in <see cref="SharedMemory"/>, for the threads of all processes that map it. It is robust: the kernel frees it when
/// its owner dies, by SIGKILL too, and the next thread that locks it gets it. pthread_mutexattr_setrobust(3).
/// </summary>
/// <remarks>
/// What it protects must therefore be usable after any step of an owner: write so that the last store makes the others count.
/// A thread that has it must unlock it itself. It must not be copied.
/// </remarks>
public struct SharedMutex
{
    private pthread_mutex_t _mutex;

    /// <summary>Initialises it, unlocked. Once, before any other thread uses it.</summary>
    public void Initialize()
    {
        pthread_mutexattr_init(out pthread_mutexattr_t attributes).OrThrow("pthread_mutexattr_init");
        pthread_mutexattr_setpshared(ref attributes, PTHREAD_PROCESS_SHARED).OrThrow("pthread_mutexattr_setpshared");
        pthread_mutexattr_setrobust(ref attributes, PTHREAD_MUTEX_ROBUST).OrThrow("pthread_mutexattr_setrobust");
        pthread_mutex_init(ref _mutex, attributes).OrThrow("pthread_mutex_init");
    }

    /// <summary>Locks it; waits while another thread has it.</summary>
    public void Lock()
    {
        SyscallResult result = pthread_mutex_lock(ref _mutex);
        if (result.IsError)
            TakeOver(result).OrThrow("pthread_mutex_lock");
    }

    /// <summary>Locks it if it is free.</summary>
    public bool TryLock()
    {
        SyscallResult result = pthread_mutex_trylock(ref _mutex);
        if (result.Is(EBUSY))
            return false;
        if (result.IsError)
            TakeOver(result).OrThrow("pthread_mutex_trylock");
        return true;
    }

    /// <summary>Gives it up.</summary>
    public void Unlock() => pthread_mutex_unlock(ref _mutex).OrThrow("pthread_mutex_unlock");

    private SyscallResult TakeOver(SyscallResult result) =>
        result.Is(EOWNERDEAD) ? pthread_mutex_consistent(ref _mutex) : result;
}
