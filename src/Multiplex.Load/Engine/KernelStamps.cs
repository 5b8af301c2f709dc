using System.Diagnostics;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Engine;

/// <summary>
/// The kernel's time stamps of packets received and sent (SO_TIMESTAMPING, socket(7)), so that no latency contains the client's own
/// time. They are used on TCP and UDP in an open loop; a closed loop does without their dearer system calls.
/// </summary>
internal sealed unsafe class KernelStamps
{
    private const int Stamped = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY;
    private const int WaysKept = 32;       // the number of sends that are measured at first
    private const int SendsBetween = 64;   // afterwards, one send in this many is measured
    private const int Comparisons = 10;    // of the clocks at a time
    private const long Narrow = 1000;      // nanoseconds from before a comparison to after it: no better one is needed

    // The error queue also holds struct sock_extended_err: ip(7).
    private const int ControlLength = 256;

    private readonly long[] _waysOut = new long[WaysKept];
    private long _ahead;   // the stamps' clock, CLOCK_REALTIME, minus Stopwatch's
    private uint _sends;
    private int _ways;

    /// <summary>
    /// The least time of a request from just before send(2) to the interface, in nanoseconds; 0 until enough have been measured. It is three
    /// quarters of the least measured time: stamping itself takes up to a quarter of that, and no request may leave before it is due.
    /// </summary>
    public long WayOut { get; private set; }

    /// <summary>Makes the kernel stamp all packets that this socket receives, and those sent packets for which <see cref="Send"/> requests it.</summary>
    public static void Enable(int socket) => setsockopt(socket, SOL_SOCKET, SO_TIMESTAMPING, Stamped).OrThrow("setsockopt SO_TIMESTAMPING");

    /// <summary>Compares the clocks. Call it at intervals: a clock may be set.</summary>
    public void Synchronize()
    {
        // The thread may lose its processor between the reads. Half of that time would be added to every arrival, or taken from it.
        long between = long.MaxValue;
        for (int i = 0; i < Comparisons && between > Narrow; i++)
        {
            long before = Stopwatch.GetTimestamp(), stamp = clock_gettime(CLOCK_REALTIME), after = Stopwatch.GetTimestamp();
            if (after - before < between)
                (_ahead, between) = (stamp - before - ((after - before) / 2), after - before);
        }
    }

    /// <summary>As send(2) with MSG_NOSIGNAL. At intervals it measures the time from send(2) to the interface.</summary>
    public SyscallResult Send(int socket, ReadOnlySpan<byte> bytes)
    {
        if (_ways >= WaysKept && _sends++ % SendsBetween != 0)
            return send(socket, bytes, MSG_NOSIGNAL);

        byte* control = stackalloc byte[(int)CMSG_SPACE(sizeof(int))];
        fixed (byte* first = bytes)
        {
            iovec part = new() { iov_base = first, iov_len = (nuint)bytes.Length };
            msghdr message = new() { msg_iov = &part, msg_iovlen = 1, msg_control = control, msg_controllen = CMSG_SPACE(sizeof(int)) };
            cmsghdr* header = CMSG_FIRSTHDR(message);
            (header->cmsg_level, header->cmsg_type, header->cmsg_len) = (SOL_SOCKET, SO_TIMESTAMPING, CMSG_LEN(sizeof(int)));
            *(int*)CMSG_DATA(header) = SOF_TIMESTAMPING_TX_SOFTWARE;
            long before = Stopwatch.GetTimestamp();
            SyscallResult result = sendmsg(socket, message, MSG_NOSIGNAL);
            if (!result.IsError && TryTakeSent(socket, out long leftAt) && leftAt > before)
                Keep(leftAt - before);
            return result;
        }
    }

    /// <summary>As recv(2).</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="buffer">Receives the bytes.</param>
    /// <param name="flags">Flags of recv(2).</param>
    /// <param name="arrivedAt">The arrival of the last byte, in Stopwatch's time; 0 when the kernel gives none.</param>
    public SyscallResult Receive(int socket, Span<byte> buffer, int flags, out long arrivedAt)
    {
        SyscallResult result = Take(socket, buffer, flags, out arrivedAt);

        // A late stamp, from an interface that sends asynchronously, keeps the socket ready until it is received.
        while (result.Is(EAGAIN) && TryTakeSent(socket, out _))
        {
        }

        return result;
    }

    private bool TryTakeSent(int socket, out long leftAt) => !Take(socket, default, MSG_ERRQUEUE | MSG_DONTWAIT, out leftAt).IsError;

    private SyscallResult Take(int socket, Span<byte> buffer, int flags, out long stamp)
    {
        byte* control = stackalloc byte[ControlLength];
        fixed (byte* first = buffer)
        {
            iovec part = new() { iov_base = first, iov_len = (nuint)buffer.Length };
            msghdr message = new() { msg_iov = &part, msg_iovlen = 1, msg_control = control, msg_controllen = ControlLength };
            SyscallResult result = recvmsg(socket, ref message, flags);
            stamp = result.IsError ? 0 : StampOf(message);
            return result;
        }
    }

    private long StampOf(in msghdr message)
    {
        cmsghdr* header = CMSG_FIRSTHDR(message);
        if (header is null || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_TIMESTAMPING)
            return 0;
        timespec stamp = ((scm_timestamping*)CMSG_DATA(header))->ts[0];
        return (stamp.tv_sec * 1_000_000_000) + stamp.tv_nsec - _ahead;
    }

    private void Keep(long wayOut)
    {
        _waysOut[_ways++ % WaysKept] = wayOut;
        if (_ways < WaysKept)
            return;
        long least = wayOut;
        foreach (long kept in _waysOut)
            least = Math.Min(least, kept);
        WayOut = least * 3 / 4;
    }
}
