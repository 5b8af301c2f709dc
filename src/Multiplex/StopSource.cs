using static Multiplex.Interop.Libc;

namespace Multiplex;

/// <summary>A stop that this process asks of itself: see <see cref="StopSignal.ByRequest"/>.</summary>
public sealed class StopSource : StopSignal
{
    internal StopSource(int descriptor)
        : base(descriptor)
    {
    }

    /// <inheritdoc/>
    public override void Request()
    {
        NotePending();
        eventfd_write(Descriptor, 1).OrThrow("eventfd_write");
    }

    private protected override int TakeNew() => eventfd_read(Descriptor, out ulong count).IsError ? 0 : (int)count;
}
