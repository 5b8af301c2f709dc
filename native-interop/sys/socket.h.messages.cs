using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// sendto(2), recvfrom(2), sendmsg(2), recvmsg(2), sendmmsg(2), recvmmsg(2), cmsg(3): messages, each with an address of
// its own, over several buffers, with something beside the bytes
public static unsafe partial class Libc
{
    // Flags of messages; the others are in socket.h.cs
    public const int MSG_CTRUNC = 0x8;
    public const int MSG_ERRQUEUE = 0x2000;
    public const int MSG_WAITFORONE = 0x10000;
    public const int MSG_CMSG_CLOEXEC = 0x4000_0000;

    // Ancillary data between UNIX-domain sockets: unix(7)
    public const int SCM_RIGHTS = 1;
    public const int SCM_CREDENTIALS = 2;

    // When a message came in or went out: socket(7)
    public const int SCM_TIMESTAMPING = SO_TIMESTAMPING;

    /// <summary>sendto(2): sends to an address, which need not be the peer's; without an address it is send(2).</summary>
    public static SyscallResult sendto(int sockfd, ReadOnlySpan<byte> data, int flags, ReadOnlySpan<byte> address)
    {
        fixed (byte* buf = data, addr = address)
        {
            SyscallResult result;
            do
            {
                result = SyscallResult.Of(Raw.sendto(sockfd, buf, (nuint)data.Length, flags, addr, (uint)address.Length));
            }
            while (result.Is(EINTR));
            return result;
        }
    }

    /// <summary>
    /// recvfrom(2): recv(2) that also returns the sender's address, of which <paramref name="length"/> bytes count: none when
    /// the sender has no address, such as a UNIX-domain socket without a name.
    /// </summary>
    public static SyscallResult recvfrom(int sockfd, Span<byte> buffer, int flags, Span<byte> address, out int length)
    {
        fixed (byte* buf = buffer, addr = address)
        {
            SyscallResult result;
            uint addrlen;
            do
            {
                addrlen = (uint)address.Length;
                result = SyscallResult.Of(Raw.recvfrom(sockfd, buf, (nuint)buffer.Length, flags, addr, &addrlen));
            }
            while (result.Is(EINTR));
            length = result.IsError ? 0 : (int)Math.Min(addrlen, (uint)address.Length);
            return result;
        }
    }

    /// <summary>sendmsg(2): gathers one message from several buffers. The caller holds their memory in place.</summary>
    public static SyscallResult sendmsg(int sockfd, in msghdr message, int flags)
    {
        fixed (msghdr* msg = &message)
        {
            SyscallResult result;
            do
            {
                result = SyscallResult.Of(Raw.sendmsg(sockfd, msg, flags));
            }
            while (result.Is(EINTR));
            return result;
        }
    }

    /// <summary>
    /// recvmsg(2): scatters one message over several buffers; its msg_flags show what was cut off (MSG_TRUNC, MSG_CTRUNC).
    /// The caller holds their memory in place.
    /// </summary>
    public static SyscallResult recvmsg(int sockfd, ref msghdr message, int flags)
    {
        fixed (msghdr* msg = &message)
        {
            SyscallResult result;
            do
            {
                result = SyscallResult.Of(Raw.recvmsg(sockfd, msg, flags));
            }
            while (result.Is(EINTR));
            return result;
        }
    }

    /// <summary>
    /// sendmmsg(2): several messages with one call, and in each msg_len how much of it was sent. The caller holds in place
    /// what they point to.
    /// </summary>
    /// <returns>How many were sent; an errno if the first could not be sent.</returns>
    public static SyscallResult sendmmsg(int sockfd, Span<mmsghdr> messages, int flags)
    {
        fixed (mmsghdr* first = messages)
        {
            SyscallResult result;
            do
            {
                result = SyscallResult.Of(Raw.sendmmsg(sockfd, first, (uint)messages.Length, flags));
            }
            while (result.Is(EINTR));
            return result;
        }
    }

    /// <summary>
    /// recvmmsg(2): several messages with one call, and in each msg_len how long it is. The kernel writes msg_namelen,
    /// msg_controllen and msg_flags too: set them anew before each call. The caller holds in place what they point to.
    /// </summary>
    /// <returns>
    /// How many came. On a blocking socket it waits for all of them; with MSG_WAITFORONE only for the first. There is no
    /// timeout: the kernel looks at it only after a message (recvmmsg(2), BUGS).
    /// </returns>
    public static SyscallResult recvmmsg(int sockfd, Span<mmsghdr> messages, int flags)
    {
        SyscallResult result;
        do
        {
            result = recvmmsg_once(sockfd, messages, flags);
        }
        while (result.Is(EINTR));
        return result;
    }

    /// <summary>recvmmsg(2) that returns EINTR, so that a signal can wake the thread.</summary>
    public static SyscallResult recvmmsg_once(int sockfd, Span<mmsghdr> messages, int flags)
    {
        fixed (mmsghdr* first = messages)
        {
            return SyscallResult.Of(Raw.recvmmsg(sockfd, first, (uint)messages.Length, flags, null));
        }
    }

    /// <summary>cmsg(3): what msg_controllen must count for <paramref name="length"/> bytes of data, padding included.</summary>
    public static nuint CMSG_SPACE(nuint length) => Aligned((nuint)sizeof(cmsghdr)) + Aligned(length);

    /// <summary>cmsg(3): what goes into cmsg_len for <paramref name="length"/> bytes of data.</summary>
    public static nuint CMSG_LEN(nuint length) => Aligned((nuint)sizeof(cmsghdr)) + length;

    /// <summary>cmsg(3): the data behind a header.</summary>
    public static byte* CMSG_DATA(cmsghdr* header) => (byte*)header + Aligned((nuint)sizeof(cmsghdr));

    /// <summary>cmsg(3): the first header in a message's control buffer, or null.</summary>
    public static cmsghdr* CMSG_FIRSTHDR(in msghdr message) =>
        message.msg_controllen >= (nuint)sizeof(cmsghdr) ? (cmsghdr*)message.msg_control : null;

    /// <summary>cmsg(3): the header after this one in a message's control buffer, or null.</summary>
    public static cmsghdr* CMSG_NXTHDR(in msghdr message, cmsghdr* header)
    {
        if (header->cmsg_len < (nuint)sizeof(cmsghdr))
            return null;
        nuint room = message.msg_controllen - (nuint)((byte*)header - (byte*)message.msg_control);
        nuint step = Aligned(header->cmsg_len);
        return step <= room && room - step >= (nuint)sizeof(cmsghdr) ? (cmsghdr*)((byte*)header + step) : null;
    }

    private static nuint Aligned(nuint length) => (length + (nuint)sizeof(nuint) - 1) & ~((nuint)sizeof(nuint) - 1);

    /// <summary>A message: where it goes to or came from, its buffers, and what goes beside the bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct msghdr
    {
        public void* msg_name;
        public uint msg_namelen;
        public iovec* msg_iov;
        public nuint msg_iovlen;
        public void* msg_control;
        public nuint msg_controllen;
        public int msg_flags;
    }

    /// <summary>One message of several.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct mmsghdr
    {
        public msghdr msg_hdr;
        public uint msg_len;
    }

    /// <summary>The header of something that goes beside the bytes; the data follows it.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct cmsghdr
    {
        public nuint cmsg_len;
        public int cmsg_level;
        public int cmsg_type;
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial nint sendto(int sockfd, void* buf, nuint len, int flags, void* dest_addr, uint addrlen);

    [LibraryImport(LibraryName)]
    public static partial nint recvfrom(int sockfd, void* buf, nuint len, int flags, void* src_addr, uint* addrlen);

    [LibraryImport(LibraryName)]
    public static partial nint sendmsg(int sockfd, Libc.msghdr* msg, int flags);

    [LibraryImport(LibraryName)]
    public static partial nint recvmsg(int sockfd, Libc.msghdr* msg, int flags);

    [LibraryImport(LibraryName)]
    public static partial int sendmmsg(int sockfd, Libc.mmsghdr* msgvec, uint vlen, int flags);

    [LibraryImport(LibraryName)]
    public static partial int recvmmsg(int sockfd, Libc.mmsghdr* msgvec, uint vlen, int flags, Libc.timespec* timeout);
}
