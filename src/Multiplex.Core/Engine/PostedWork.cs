using System.Collections.Concurrent;
using static Multiplex.Interop.Libc;

namespace Multiplex.Engine;

/// <summary>What threads post to a loop, and the descriptor by which it learns of it: an eventfd(2), which is written to once for all that is posted until it is read.</summary>
internal sealed class PostedWork : IDisposable
{
    private readonly ConcurrentQueue<Action> _posted = new();
    private int _isWoken;

    /// <summary>Readable when something is posted.</summary>
    public int Descriptor { get; } = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC).OrThrow("eventfd");

    /// <summary>Posts something. For any thread, also one that outlasts the loop: it does nothing then.</summary>
    public void Post(Action work)
    {
        _posted.Enqueue(work);
        if (Interlocked.Exchange(ref _isWoken, 1) == 0)
            eventfd_write(Descriptor, 1).OrThrow("eventfd_write");
    }

    /// <summary>Runs what was posted, on the loop's thread.</summary>
    public void Run()
    {
        // First the descriptor, then the flag, then the queue: what is missed here wakes again.
        eventfd_read(Descriptor, out _);
        Interlocked.Exchange(ref _isWoken, 0);
        while (_posted.TryDequeue(out Action? work))
            work();
    }

    /// <summary>Closes the descriptor, on the loop's thread.</summary>
    public void Dispose()
    {
        // No thread writes any more, once the one has written that was about to.
        if (Interlocked.Exchange(ref _isWoken, 1) == 1)
        {
            pollfd written = new() { fd = Descriptor, events = POLLIN };
            poll(new Span<pollfd>(ref written), -1);
        }

        close(Descriptor);
    }
}
