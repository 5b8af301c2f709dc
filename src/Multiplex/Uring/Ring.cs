using System.Runtime.CompilerServices;
using Multiplex.Engine;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Uring;

/// <summary>
/// An io_uring(7): operations are written into one queue that the kernel reads, what came of them is read from another
/// that the kernel writes, and one call submits a whole batch and waits. For one thread, the one that made it.
/// </summary>
internal sealed unsafe class Ring : IDisposable
{
    private const string Needed =
        "(the uring model needs Linux 6.1 and an io_uring that neither kernel.io_uring_disabled nor a seccomp filter forbids)";

    private readonly int _descriptor;
    private readonly byte* _rings;
    private readonly nuint _ringsLength;
    private readonly io_uring_sqe* _entries;
    private readonly nuint _entriesLength;

    // Shared with the kernel: what it writes is read with acquire, what it reads is written with release.
    private readonly uint* _submissionHead;
    private readonly uint* _submissionTail;
    private readonly uint* _completionHead;
    private readonly uint* _completionTail;
    private readonly io_uring_cqe* _completions;
    private readonly uint _submissionMask;
    private readonly uint _completionMask;

    private readonly int _registered;     // to name the ring without a look into the table of descriptors
    private uint _tail;

    /// <summary>Makes a ring.</summary>
    /// <param name="entries">How many operations it takes between two calls, a power of two.</param>
    /// <param name="completions">How many completions it holds, a power of two.</param>
    /// <exception cref="SyscallException">The kernel refuses it.</exception>
    public Ring(uint entries, uint completions)
    {
        // Completions are worked off when this thread enters the kernel for them, and at no other time: nothing interrupts
        // it, and nothing appears in the queue behind its back.
        io_uring_params setup = new()
        {
            flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
            cq_entries = completions,
        };
        SyscallResult made = io_uring_setup(entries, ref setup);
        _descriptor = made.OrThrow("io_uring_setup", made.Errno is EMFILE or ENFILE or ENOMEM ? null : Needed);
        _ringsLength = Math.Max(
            setup.sq_off.array + (setup.sq_entries * sizeof(uint)), setup.cq_off.cqes + (setup.cq_entries * (uint)sizeof(io_uring_cqe)));
        _entriesLength = setup.sq_entries * (uint)sizeof(io_uring_sqe);
        _rings = Map(_ringsLength, IORING_OFF_SQ_RING);
        _entries = (io_uring_sqe*)Map(_entriesLength, IORING_OFF_SQES);
        _submissionHead = (uint*)(_rings + setup.sq_off.head);
        _submissionTail = (uint*)(_rings + setup.sq_off.tail);
        _completionHead = (uint*)(_rings + setup.cq_off.head);
        _completionTail = (uint*)(_rings + setup.cq_off.tail);
        _completions = (io_uring_cqe*)(_rings + setup.cq_off.cqes);
        _submissionMask = setup.sq_entries - 1;
        _completionMask = setup.cq_entries - 1;

        // The queue has indices of entries; here they are always in order.
        uint* indices = (uint*)(_rings + setup.sq_off.array);
        for (uint i = 0; i < setup.sq_entries; i++)
            indices[i] = i;
        _registered = RegisterSelf();
    }

    /// <summary>The ring's descriptor.</summary>
    public int Descriptor => _descriptor;

    /// <summary>How long to look for completions before a wait sleeps; by default not at all.</summary>
    public AdaptiveSpin Spin { get; init; } = new(TimeSpan.Zero);

    /// <summary>The first completion that has not been taken. They are numbered without end.</summary>
    public uint Head { get; private set; }

    /// <summary>Past the last completion that there is; moves only within <see cref="Submit"/> and <see cref="SubmitAndWait"/>.</summary>
    public uint Tail
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Volatile.Read(ref *_completionTail);
    }

    /// <summary>A completion between <see cref="Head"/> and <see cref="Tail"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref io_uring_cqe At(uint index) => ref _completions[index & _completionMask];

    /// <summary>Takes the next completion.</summary>
    /// <returns>False when there is none.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryTake(out io_uring_cqe completion)
    {
        if (Head == Tail)
        {
            completion = default;
            return false;
        }

        completion = At(Head++);
        return true;
    }

    /// <summary>The next entry of the submission queue, all zero, to be filled in; a queue that is full is submitted before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref io_uring_sqe Next()
    {
        if (_tail - Volatile.Read(ref *_submissionHead) > _submissionMask)
            Submit();
        ref io_uring_sqe entry = ref _entries[_tail++ & _submissionMask];
        entry = default;
        return ref entry;
    }

    /// <summary>Has the kernel take all entries, and waits for nothing.</summary>
    public void Submit() => Enter(0, 0, null);

    /// <summary>Has the kernel take all entries, then waits until there is a completion or the time is up.</summary>
    /// <param name="milliseconds">How long; -1 is for ever, 0 only does what can be done at once.</param>
    public void SubmitAndWait(long milliseconds)
    {
        if (milliseconds != 0 && Spin.Begins())
        {
            do
            {
                Enter(0, IORING_ENTER_GETEVENTS, null);
            }
            while (Head == Tail && Spin.GoesOn());
            Spin.End(Head != Tail);
            if (Head != Tail)
                return;
        }

        if (milliseconds <= 0)
        {
            Enter(milliseconds == 0 ? 0u : 1, IORING_ENTER_GETEVENTS, null);
            return;
        }

        timespec limit = new() { tv_sec = milliseconds / 1000, tv_nsec = milliseconds % 1000 * 1_000_000 };
        io_uring_getevents_arg argument = new() { ts = (ulong)&limit };
        Enter(1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &argument);
    }

    /// <summary>Ends the ring. The kernel gives up what is under way some time after: what has lent memory waits for that before.</summary>
    public void Dispose()
    {
        munmap(_entries, _entriesLength);
        munmap(_rings, _ringsLength);
        if (_registered >= 0)
        {
            io_uring_rsrc_update update = new() { offset = (uint)_registered };
            io_uring_register(_descriptor, IORING_UNREGISTER_RING_FDS, &update, 1);
        }

        close(_descriptor);
    }

    private void Enter(uint wait, uint flags, io_uring_getevents_arg* argument)
    {
        Volatile.Write(ref *_completionHead, Head);
        Volatile.Write(ref *_submissionTail, _tail);
        if (_registered >= 0)
            flags |= IORING_ENTER_REGISTERED_RING;
        uint left;
        do
        {
            left = _tail - Volatile.Read(ref *_submissionHead);
            SyscallResult result = io_uring_enter(_registered >= 0 ? _registered : _descriptor, left, wait, flags, argument);

            // A signal, the time is up, no memory for the moment. None of them is the end of a server.
            if (result.IsError && result.Errno is not (EINTR or ETIME or EAGAIN or EBUSY))
                result.OrThrow("io_uring_enter");
            left = _tail - Volatile.Read(ref *_submissionHead);
        }
        while (left > 0);
    }

    private byte* Map(nuint length, long offset) =>
        (byte*)mmap(length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, _descriptor, offset);

    private int RegisterSelf()
    {
        io_uring_rsrc_update update = new() { offset = uint.MaxValue, data = (ulong)_descriptor };
        return io_uring_register(_descriptor, IORING_REGISTER_RING_FDS, &update, 1).IsError ? -1 : (int)update.offset;
    }
}
