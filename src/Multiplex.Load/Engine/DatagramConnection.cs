using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Engine;

/// <summary>
/// A datagram socket. Datagrams may be lost, late or repeated: these are counted apart and are not wrong replies. A request without
/// a reply in time counts as lost, and its slot sends the next one.
/// </summary>
internal sealed class DatagramConnection(LoadContext context, uint seed) : MessageConnection(context, seed)
{
    private const int ReceiveOverhead = 512;   // roughly what the kernel charges for a datagram besides its bytes

    private readonly LostRequests _lost = new();

    protected override bool EndsWithEmptyMessage => false;

    public override void Open(int descriptor)
    {
        base.Open(descriptor);

        // The client must lose no reply: the receive buffer holds all replies that may be in flight.
        getsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, out int room).OrThrow("getsockopt SO_RCVBUF");
        long needed = (long)Window.Depth * (Context.MessageLength + ReceiveOverhead);
        if (needed > room / 2)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, (int)Math.Min(needed, int.MaxValue / 2));
    }

    public override bool Tick(long now)
    {
        long limit = now - Context.Timeout;
        if (IsBlockedSince(limit))
            return false;
        int lost = 0;
        for (int slot = 0; slot < Window.Depth; slot++)
        {
            if (!Window.IsOlder(slot, limit))
                continue;
            lost++;
            _lost.Add(Window.LastOf(slot));
            Window.Free(slot);
        }

        Context.Recorder.Errors.Lost += lost;
        return lost == 0 || SendNext(now, now);
    }

    protected override void CountUnmatched(uint sequence)
    {
        if (_lost.Remove(sequence))
            Context.Recorder.Errors.Late++;
        else if (Window.WasSent(sequence))
            Context.Recorder.Errors.Repeated++;
        else
            Context.Recorder.Errors.WrongReplies++;
    }

    // No socket is bound there. For UDP, ICMP reports it at the next call after the datagram in question, and only once: udp(7).
    protected override bool GoesOnAfter(SyscallResult result)
    {
        if (!result.Is(ECONNREFUSED))
            return Disconnected(result);
        Context.Recorder.Errors.Refused++;
        return Context.Options.Server.Kind.IsInternet();
    }
}
