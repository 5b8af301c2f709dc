using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Multiplex.Forking;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex;

/// <summary>
/// A request that a server stop, as a descriptor: readable when there is one, so that it is waited for like any socket,
/// by whatever means a model waits.
/// </summary>
public abstract class StopSignal : IDisposable
{
    private volatile bool _pending;
    private int _requests;
    private bool _isClosed;

    private protected StopSignal(int descriptor) => Descriptor = descriptor;

    /// <summary>Readable when a stop has been requested that <see cref="Requests"/> has not returned yet.</summary>
    public int Descriptor { get; }

    /// <summary>A stop that this process asks of itself, from any thread.</summary>
    public static StopSource ByRequest() =>
        new(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC).OrThrow("eventfd"));

    /// <summary>A stop by a signal, SIGTERM, SIGINT or SIGHUP, which must be blocked in every thread: see <see cref="BlockedSignals.Stopping"/>.</summary>
    /// <param name="hangUp">What SIGHUP does in the place of a stop, on the thread that calls <see cref="Requests"/>; null: it stops.</param>
    /// <exception cref="SyscallException">No descriptor is left.</exception>
    public static StopSignal BySignal(Action? hangUp = null) =>
        new Signalled(signalfd(-1, BlockedSignals.Stopping, SFD_NONBLOCK | SFD_CLOEXEC).OrThrow("signalfd"), hangUp);

    /// <summary>
    /// Whether a stop has been requested, for a thread that is busy and looks often. Only a stop by request can tell
    /// without a system call; of any other it is false.
    /// </summary>
    public bool IsPending => _pending;

    /// <summary>Requests a stop. For any thread; of a stop by signal, by a signal to this process.</summary>
    public abstract void Request();

    /// <summary>How often a stop has been requested so far. The second one means: at once. For one thread only.</summary>
    public int Requests() => _requests += TakeNew();

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_isClosed)
            close(Descriptor);
        _isClosed = true;
        GC.SuppressFinalize(this);
    }

    private protected void NotePending() => _pending = true;

    private protected abstract int TakeNew();

    private sealed class Signalled(int descriptor, Action? hangUp) : StopSignal(descriptor)
    {
        private int _next = SIGTERM;

        // Two pending signals of the same number would be one: signal(7).
        public override void Request()
        {
            int signal = Interlocked.Exchange(ref _next, SIGINT);
            kill(getpid(), signal).OrThrow("kill");
        }

        private protected override int TakeNew()
        {
            Span<signalfd_siginfo> signals = stackalloc signalfd_siginfo[4];
            SyscallResult result = read(Descriptor, MemoryMarshal.AsBytes(signals));
            int count = result.IsError ? 0 : (int)result.Value / Unsafe.SizeOf<signalfd_siginfo>(), stops = count;
            for (int i = 0; i < count && hangUp is not null; i++)
            {
                if (signals[i].ssi_signo != SIGHUP)
                    continue;
                stops--;
                hangUp();
            }

            return stops;
        }
    }
}
