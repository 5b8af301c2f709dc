using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// socket(2), bind(2), listen(2), accept(2), connect(2), send(2), recv(2), shutdown(2), getsockopt(2), socket(7)
public static unsafe partial class Libc
{
    // Address families: address_families(7)
    public const int AF_UNSPEC = 0;
    public const int AF_UNIX = 1;
    public const int AF_INET = 2;
    public const int AF_INET6 = 10;

    // Socket types and the flags that may be or-ed into them: socket(2)
    public const int SOCK_STREAM = 1;
    public const int SOCK_DGRAM = 2;
    public const int SOCK_SEQPACKET = 5;
    public const int SOCK_NONBLOCK = 0x800;
    public const int SOCK_CLOEXEC = 0x80000;

    // Options at the socket level: socket(7)
    public const int SOL_SOCKET = 1;
    public const int SO_REUSEADDR = 2;
    public const int SO_TYPE = 3;
    public const int SO_ERROR = 4;
    public const int SO_BROADCAST = 6;
    public const int SO_SNDBUF = 7;
    public const int SO_RCVBUF = 8;
    public const int SO_KEEPALIVE = 9;
    public const int SO_LINGER = 13;
    public const int SO_REUSEPORT = 15;
    public const int SO_PASSCRED = 16;
    public const int SO_PEERCRED = 17;
    public const int SO_RCVTIMEO = 20;
    public const int SO_SNDTIMEO = 21;
    public const int SO_ACCEPTCONN = 30;
    public const int SO_TIMESTAMPING = 37;
    public const int SO_PROTOCOL = 38;
    public const int SO_DOMAIN = 39;
    public const int SO_COOKIE = 57;
    public const int SO_ATTACH_FILTER = 26;

    // Flags of send(2) and recv(2); those of messages alone are in socket.h.messages.cs
    public const int MSG_PEEK = 0x2;
    public const int MSG_TRUNC = 0x20;
    public const int MSG_DONTWAIT = 0x40;
    public const int MSG_EOR = 0x80;
    public const int MSG_WAITALL = 0x100;
    public const int MSG_NOSIGNAL = 0x4000;

    // The three ways of shutdown(2)
    public const int SHUT_RD = 0;
    public const int SHUT_WR = 1;
    public const int SHUT_RDWR = 2;

    /// <summary>socket(2): makes an endpoint of communication and returns its descriptor. Protocol 0 is the default for the pair.</summary>
    /// <exception cref="PlatformNotSupportedException">See <see cref="Platform.RequireSupported"/>.</exception>
    public static SyscallResult socket(int domain, int type, int protocol)
    {
        Platform.RequireSupported();
        return SyscallResult.Of(Raw.socket(domain, type, protocol));
    }

    /// <summary>socketpair(2): makes two endpoints that are connected to each other.</summary>
    /// <exception cref="PlatformNotSupportedException">See <see cref="Platform.RequireSupported"/>.</exception>
    public static SyscallResult socketpair(int domain, int type, int protocol, out int first, out int second)
    {
        Platform.RequireSupported();
        int* pair = stackalloc int[2];
        SyscallResult result = SyscallResult.Of(Raw.socketpair(domain, type, protocol, pair));
        first = result.IsError ? -1 : pair[0];
        second = result.IsError ? -1 : pair[1];
        return result;
    }

    /// <summary>bind(2): gives a socket its address.</summary>
    public static SyscallResult bind(int sockfd, ReadOnlySpan<byte> address)
    {
        fixed (byte* addr = address)
        {
            return SyscallResult.Of(Raw.bind(sockfd, addr, (uint)address.Length));
        }
    }

    /// <summary>listen(2): makes a socket passive, with a queue of <paramref name="backlog"/> connections (at most net.core.somaxconn).</summary>
    public static SyscallResult listen(int sockfd, int backlog) => SyscallResult.Of(Raw.listen(sockfd, backlog));

    /// <summary>
    /// accept4(2): takes the first connection off a listener's queue; the connection's socket has the peer's address
    /// in <paramref name="address"/>, of which <paramref name="length"/> bytes count.
    /// </summary>
    public static SyscallResult accept4(int sockfd, Span<byte> address, out int length, int flags)
    {
        SyscallResult result;
        do
        {
            result = accept4_once(sockfd, address, out length, flags);
        }
        while (result.Is(EINTR));
        return result;
    }

    /// <summary>accept4(2) that returns EINTR, so that a signal can wake the thread.</summary>
    public static SyscallResult accept4_once(int sockfd, Span<byte> address, out int length, int flags)
    {
        fixed (byte* addr = address)
        {
            uint addrlen = (uint)address.Length;
            SyscallResult result = SyscallResult.Of(Raw.accept4(sockfd, addr, &addrlen, flags));
            length = result.IsError ? 0 : (int)Math.Min(addrlen, (uint)address.Length);
            return result;
        }
    }

    /// <summary>
    /// connect(2). EINTR is returned: the kernel goes on connecting, and a second connect would fail with EALREADY.
    /// </summary>
    public static SyscallResult connect(int sockfd, ReadOnlySpan<byte> address)
    {
        fixed (byte* addr = address)
        {
            return SyscallResult.Of(Raw.connect(sockfd, addr, (uint)address.Length));
        }
    }

    /// <summary>shutdown(2): ends reading (SHUT_RD), writing (SHUT_WR: the peer reads end-of-file) or both; the descriptor stays open.</summary>
    public static SyscallResult shutdown(int sockfd, int how) => SyscallResult.Of(Raw.shutdown(sockfd, how));

    /// <summary>getsockname(2): the address of this end.</summary>
    /// <returns>The address's length in bytes, or the errno.</returns>
    public static SyscallResult getsockname(int sockfd, Span<byte> address)
    {
        fixed (byte* addr = address)
        {
            uint addrlen = (uint)address.Length;
            SyscallResult result = SyscallResult.Of(Raw.getsockname(sockfd, addr, &addrlen));
            return result.IsError ? result : SyscallResult.Of((nint)Math.Min(addrlen, (uint)address.Length));
        }
    }

    /// <summary>getpeername(2): the address of the other end; ENOTCONN when there is none.</summary>
    /// <returns>The address's length in bytes, or the errno.</returns>
    public static SyscallResult getpeername(int sockfd, Span<byte> address)
    {
        fixed (byte* addr = address)
        {
            uint addrlen = (uint)address.Length;
            SyscallResult result = SyscallResult.Of(Raw.getpeername(sockfd, addr, &addrlen));
            return result.IsError ? result : SyscallResult.Of((nint)Math.Min(addrlen, (uint)address.Length));
        }
    }

    /// <summary>setsockopt(2) for an option whose value is a struct or an int.</summary>
    public static SyscallResult setsockopt<T>(int sockfd, int level, int optname, T value)
        where T : unmanaged => SyscallResult.Of(Raw.setsockopt(sockfd, level, optname, &value, (uint)sizeof(T)));

    /// <summary>getsockopt(2) for an option whose value is a struct or an int.</summary>
    public static SyscallResult getsockopt<T>(int sockfd, int level, int optname, out T value)
        where T : unmanaged
    {
        T read = default;
        uint optlen = (uint)sizeof(T);
        SyscallResult result = SyscallResult.Of(Raw.getsockopt(sockfd, level, optname, &read, &optlen));
        value = read;
        return result;
    }

    /// <summary>send(2): returns how many bytes the kernel took, which on a non-blocking stream may be fewer than were given.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SyscallResult send(int sockfd, ReadOnlySpan<byte> data, int flags)
    {
        SyscallResult result;
        do
        {
            result = send_once(sockfd, data, flags);
        }
        while (result.Is(EINTR));
        return result;
    }

    /// <summary>send(2) that returns EINTR, so that a signal can wake the thread.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SyscallResult send_once(int sockfd, ReadOnlySpan<byte> data, int flags)
    {
        fixed (byte* buf = data)
        {
            return SyscallResult.Of(Raw.send(sockfd, buf, (nuint)data.Length, flags));
        }
    }

    /// <summary>recv(2): returns how many bytes came; 0 means that a stream's peer will send no more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SyscallResult recv(int sockfd, Span<byte> buffer, int flags)
    {
        SyscallResult result;
        do
        {
            result = recv_once(sockfd, buffer, flags);
        }
        while (result.Is(EINTR));
        return result;
    }

    /// <summary>recv(2) that returns EINTR, so that a signal can wake the thread.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SyscallResult recv_once(int sockfd, Span<byte> buffer, int flags)
    {
        fixed (byte* buf = buffer)
        {
            return SyscallResult.Of(Raw.recv(sockfd, buf, (nuint)buffer.Length, flags));
        }
    }

    /// <summary>Room for a socket address of any family: socket(7).</summary>
    [StructLayout(LayoutKind.Sequential, Size = 128)]
    public struct sockaddr_storage
    {
        public ushort ss_family;
        private readonly ulong __ss_align;
    }

    /// <summary>The value of SO_LINGER: socket(7). On with 0 seconds, close(2) resets the connection.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct linger
    {
        public int l_onoff;
        public int l_linger;
    }

    /// <summary>The process at the other end, the value of SO_PEERCRED and of SCM_CREDENTIALS: unix(7).</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct ucred
    {
        public int pid;
        public uint uid;
        public uint gid;
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int socket(int domain, int type, int protocol);

    [LibraryImport(LibraryName)]
    public static partial int socketpair(int domain, int type, int protocol, int* sv);

    [LibraryImport(LibraryName)]
    public static partial int bind(int sockfd, void* addr, uint addrlen);

    [LibraryImport(LibraryName)]
    public static partial int listen(int sockfd, int backlog);

    [LibraryImport(LibraryName)]
    public static partial int accept4(int sockfd, void* addr, uint* addrlen, int flags);

    [LibraryImport(LibraryName)]
    public static partial int connect(int sockfd, void* addr, uint addrlen);

    [LibraryImport(LibraryName)]
    public static partial int shutdown(int sockfd, int how);

    [LibraryImport(LibraryName)]
    public static partial int getsockname(int sockfd, void* addr, uint* addrlen);

    [LibraryImport(LibraryName)]
    public static partial int getpeername(int sockfd, void* addr, uint* addrlen);

    [LibraryImport(LibraryName)]
    public static partial int setsockopt(int sockfd, int level, int optname, void* optval, uint optlen);

    [LibraryImport(LibraryName)]
    public static partial int getsockopt(int sockfd, int level, int optname, void* optval, uint* optlen);

    [LibraryImport(LibraryName)]
    public static partial nint send(int sockfd, void* buf, nuint len, int flags);

    [LibraryImport(LibraryName)]
    public static partial nint recv(int sockfd, void* buf, nuint len, int flags);
}
