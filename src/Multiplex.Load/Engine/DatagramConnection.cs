using System.Diagnostics;
using Multiplex.Interop;
using Multiplex.Sockets;
using Multiplex.Sockets.Datagrams;
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
    private bool _divides;         // the kernel divides one message into requests of equal length: UDP_SEGMENT
    private bool _takesTogether;   // replies may come several at a time: UDP_GRO

    protected override bool EndsWithEmptyMessage => false;

    public override void Open(int descriptor)
    {
        base.Open(descriptor);
        bool isPlain = Context.Options.Server.Kind == EndpointKind.Udp && Context.Stamps is null;
        _divides = isPlain && UdpSegments.CanDivide(descriptor);
        _takesTogether = isPlain && UdpSegments.TakeTogether(descriptor);

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

    protected override int SendTogether(int most)
    {
        int count = _divides ? Math.Min(Sendable(most), UdpSegments.Most) : 0;
        if (count < 2)
            return 0;
        OutputBuffer requests = Context.Batch;
        requests.Clear();
        Context.Exchange.Write(requests, Window.Next);
        int segment = requests.Length, length = segment, sent = 1;
        while (sent < count && length == sent * segment)
        {
            Context.Exchange.Write(requests, Window.Ahead(sent));
            if (requests.Length - length > segment || requests.Length > UdpSegments.MostBytes)
                break;
            length = requests.Length;
            sent++;
        }

        if (sent < 2)
            return 0;
        long now = Stopwatch.GetTimestamp();
        SyscallResult result = UdpSegments.Send(Descriptor, requests.Written[..length], segment);
        if (result.IsError)
            return OnRefused(result);
        CountSent(sent);
        Context.Recorder.BytesSent += result.Value;
        for (int i = 0; i < sent; i++)
            Window.Send(now, now);
        return sent;
    }

    protected override SyscallResult ReceiveMessage(out int segment, out long arrivedAt)
    {
        if (!_takesTogether)
            return base.ReceiveMessage(out segment, out arrivedAt);
        SyscallResult result = UdpSegments.Receive(Descriptor, Context.Buffer, MSG_TRUNC, out segment);
        arrivedAt = Stopwatch.GetTimestamp();
        return result;
    }

    private int OnRefused(SyscallResult result)
    {
        _divides &= !UdpSegments.IsRefusal(result.Errno);
        return !_divides || result.Is(EAGAIN) || GoesOnAfter(result) ? 0 : -1;
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

    // No socket is bound to the server's address. For UDP, ICMP reports this once, and the next call after the datagram returns it: udp(7).
    protected override bool GoesOnAfter(SyscallResult result)
    {
        if (!result.Is(ECONNREFUSED))
            return Disconnected(result);
        Context.Recorder.Errors.Refused++;
        return Context.Options.Server.Kind.IsInternet();
    }
}
