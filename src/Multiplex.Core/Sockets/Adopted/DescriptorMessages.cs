using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets.Adopted;

/// <summary>Bytes with descriptors beside them on a UNIX-domain socket: SCM_RIGHTS of unix(7). The receiver has a descriptor of its own of the same open file.</summary>
public static unsafe class DescriptorMessages
{
    private const int MostAtOnce = 16;   // the kernel receives no descriptors of a second message with those of a first

    /// <summary>Sends bytes and, with the first of them, a descriptor.</summary>
    /// <param name="socket">A stream.</param>
    /// <param name="bytes">At least one.</param>
    /// <param name="descriptor">The descriptor; -1 for none.</param>
    /// <returns>How many bytes were sent, or the errno.</returns>
    public static SyscallResult Send(int socket, ReadOnlySpan<byte> bytes, int descriptor = -1)
    {
        if (descriptor < 0)
            return send(socket, bytes, MSG_NOSIGNAL);
        int room = (int)CMSG_SPACE(sizeof(int));
        byte* control = stackalloc byte[room];
        fixed (byte* first = bytes)
        {
            iovec buffer = new() { iov_base = first, iov_len = (nuint)bytes.Length };
            msghdr message = new() { msg_iov = &buffer, msg_iovlen = 1, msg_control = control, msg_controllen = (nuint)room };
            cmsghdr* header = CMSG_FIRSTHDR(message);
            *header = new() { cmsg_level = SOL_SOCKET, cmsg_type = SCM_RIGHTS, cmsg_len = CMSG_LEN(sizeof(int)) };
            *(int*)CMSG_DATA(header) = descriptor;
            return sendmsg(socket, message, MSG_NOSIGNAL);
        }
    }

    /// <summary>Receives some bytes and what descriptors come with them, which are not kept across execve(2).</summary>
    /// <param name="socket">A stream.</param>
    /// <param name="bytes">Where to receive to.</param>
    /// <param name="descriptors">The descriptors are added here; they are the caller's from now on.</param>
    /// <returns>How many bytes came, 0 at the end of the stream; or the errno.</returns>
    public static SyscallResult Receive(int socket, Span<byte> bytes, ICollection<int> descriptors)
    {
        int room = (int)CMSG_SPACE(MostAtOnce * sizeof(int));
        byte* control = stackalloc byte[room];
        fixed (byte* first = bytes)
        {
            iovec buffer = new() { iov_base = first, iov_len = (nuint)bytes.Length };
            msghdr message = new() { msg_iov = &buffer, msg_iovlen = 1, msg_control = control, msg_controllen = (nuint)room };
            SyscallResult result = recvmsg(socket, ref message, MSG_CMSG_CLOEXEC);
            if (result.IsError)
                return result;
            for (cmsghdr* header = CMSG_FIRSTHDR(message); header is not null; header = CMSG_NXTHDR(message, header))
            {
                if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
                    continue;
                int count = (int)(header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (int i = 0; i < count; i++)
                    descriptors.Add(((int*)CMSG_DATA(header))[i]);
            }

            return result;
        }
    }
}
