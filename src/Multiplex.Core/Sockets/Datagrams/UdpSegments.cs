using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets.Datagrams;

/// <summary>Several datagrams of equal length as one message, which passes through the layers of the network once: UDP_SEGMENT and UDP_GRO of udp(7).</summary>
internal static unsafe class UdpSegments
{
    /// <summary>How many datagrams one message may leave as: UDP_MAX_SEGMENTS of Linux.</summary>
    public const int Most = 64;

    /// <summary>Bytes of one message: 65,535, less the headers of IP and UDP.</summary>
    public const int MostBytes = 65_000;

    /// <summary>Whether the kernel divides messages of this socket: UDP_SEGMENT. One before 4.18 would send them as they are.</summary>
    public static bool CanDivide(int socket) => !getsockopt(socket, SOL_UDP, UDP_SEGMENT, out int _).IsError;

    /// <summary>Takes several datagrams of one sender as one message, where they come so: UDP_GRO.</summary>
    /// <returns>False on a kernel before 5.0, which gives each by itself.</returns>
    public static bool TakeTogether(int socket) => !setsockopt(socket, SOL_UDP, UDP_GRO, 1).IsError;

    /// <summary>
    /// Whether an error of a message is one of dividing it: a datagram is longer than what the way to the peer takes undivided (EINVAL, EMSGSIZE), or the
    /// interface computes no checksums (EIO).
    /// </summary>
    public static bool IsRefusal(int errno) => errno is EINVAL or EMSGSIZE or EIO or EOPNOTSUPP;

    /// <summary>sendmsg(2) to the peer: the kernel divides the message.</summary>
    /// <param name="socket">The socket, which is connected.</param>
    /// <param name="bytes">The datagrams, behind each other.</param>
    /// <param name="segment">Bytes of each; the last one may have fewer.</param>
    public static SyscallResult Send(int socket, ReadOnlySpan<byte> bytes, int segment)
    {
        byte* control = stackalloc byte[(int)CMSG_SPACE(sizeof(ushort))];
        fixed (byte* first = bytes)
        {
            iovec part = new() { iov_base = first, iov_len = (nuint)bytes.Length };
            msghdr message = new() { msg_iov = &part, msg_iovlen = 1, msg_control = control, msg_controllen = CMSG_SPACE(sizeof(ushort)) };
            cmsghdr* header = CMSG_FIRSTHDR(message);
            Write(header, segment);
            return sendmsg(socket, message, MSG_NOSIGNAL);
        }
    }

    /// <summary>Writes the control message that has the kernel divide: cmsg(3).</summary>
    public static void Write(cmsghdr* header, int segment)
    {
        (header->cmsg_level, header->cmsg_type, header->cmsg_len) = (SOL_UDP, UDP_SEGMENT, CMSG_LEN(sizeof(ushort)));
        *(ushort*)CMSG_DATA(header) = (ushort)segment;
    }

    /// <summary>recvmsg(2): a message may be several datagrams.</summary>
    /// <param name="socket">The socket, for which UDP_GRO is set.</param>
    /// <param name="buffer">Receives the bytes.</param>
    /// <param name="flags">Flags of recvmsg(2).</param>
    /// <param name="segment">Bytes of each datagram but the last; 0: it is one.</param>
    public static SyscallResult Receive(int socket, Span<byte> buffer, int flags, out int segment)
    {
        byte* control = stackalloc byte[(int)CMSG_SPACE(sizeof(int))];
        fixed (byte* first = buffer)
        {
            iovec part = new() { iov_base = first, iov_len = (nuint)buffer.Length };
            msghdr message = new() { msg_iov = &part, msg_iovlen = 1, msg_control = control, msg_controllen = CMSG_SPACE(sizeof(int)) };
            SyscallResult result = recvmsg(socket, ref message, flags);
            cmsghdr* header = result.IsError ? null : CMSG_FIRSTHDR(message);
            segment = header is not null && (header->cmsg_level, header->cmsg_type) == (SOL_UDP, UDP_GRO) ? *(int*)CMSG_DATA(header) : 0;
            return result;
        }
    }
}
