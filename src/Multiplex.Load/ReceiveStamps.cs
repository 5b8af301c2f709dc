using System.Diagnostics;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load;

/// <summary>
/// When replies came in, as the kernel says (SO_TIMESTAMPNS, socket(7)): so that the time which the client itself takes to look is in
/// no latency. On TCP and UDP, and in an open loop; a closed loop is spared the dearer system call.
/// </summary>
internal sealed unsafe class ReceiveStamps
{
    private static readonly nuint s_controlLength = CMSG_SPACE((nuint)sizeof(timespec));

    private long _ahead;   // the stamps' clock, CLOCK_REALTIME, before Stopwatch's

    /// <summary>Asks the kernel to stamp what this socket receives.</summary>
    public static void Enable(int socket) => setsockopt(socket, SOL_SOCKET, SO_TIMESTAMPNS, 1).OrThrow("setsockopt SO_TIMESTAMPNS");

    /// <summary>Compares the clocks. To be done now and then: one of them may be set.</summary>
    public void Synchronize()
    {
        long before = Stopwatch.GetTimestamp(), stamp = clock_gettime(CLOCK_REALTIME), after = Stopwatch.GetTimestamp();
        _ahead = stamp - before - ((after - before) / 2);
    }

    /// <summary>As recv(2).</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="buffer">Receives the bytes.</param>
    /// <param name="flags">Flags of recv(2).</param>
    /// <param name="arrivedAt">When the last of the bytes came in, in Stopwatch's time; 0 when the kernel does not say.</param>
    public SyscallResult Receive(int socket, Span<byte> buffer, int flags, out long arrivedAt)
    {
        byte* control = stackalloc byte[(int)s_controlLength];
        fixed (byte* first = buffer)
        {
            iovec part = new() { iov_base = first, iov_len = (nuint)buffer.Length };
            msghdr message = new() { msg_iov = &part, msg_iovlen = 1, msg_control = control, msg_controllen = s_controlLength };
            SyscallResult result = recvmsg(socket, ref message, flags);
            arrivedAt = result.Value > 0 ? StampOf(message) : 0;
            return result;
        }
    }

    private long StampOf(in msghdr message)
    {
        cmsghdr* header = CMSG_FIRSTHDR(message);
        if (header is null || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_TIMESTAMPNS)
            return 0;
        timespec* stamp = (timespec*)CMSG_DATA(header);
        return (stamp->tv_sec * 1_000_000_000) + stamp->tv_nsec - _ahead;
    }
}
