using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// getaddrinfo(3)
public static unsafe partial class Libc
{
    public const int AI_PASSIVE = 1;
    public const int AI_NUMERICHOST = 4;
    public const int AI_NUMERICSERV = 0x400;
    public const int EAI_AGAIN = -3;
    public const int EAI_FAIL = -4;
    public const int EAI_FAMILY = -6;
    public const int EAI_SERVICE = -8;
    public const int EAI_NONAME = -2;

    /// <summary>
    /// getaddrinfo(3): the socket addresses that a host name and a service name stand for, in the order to try them.
    /// </summary>
    /// <param name="node">A name or a numeric address; null stands for this machine (every interface with AI_PASSIVE).</param>
    /// <param name="service">A service name such as "http", or a port number.</param>
    /// <param name="hints">Which family, type and flags to look for.</param>
    /// <param name="addresses">The raw socket addresses.</param>
    /// <returns>0, or an EAI_ number, which is negative and not an errno.</returns>
    /// <exception cref="PlatformNotSupportedException">See <see cref="Platform.RequireSupported"/>.</exception>
    public static int getaddrinfo(string? node, string? service, addrinfo hints, out IReadOnlyList<byte[]> addresses)
    {
        Platform.RequireSupported();
        List<byte[]> found = [];
        addresses = found;
        addrinfo* list = null;
        nint name = Marshal.StringToCoTaskMemUTF8(node);
        nint port = Marshal.StringToCoTaskMemUTF8(service);
        try
        {
            int status = Raw.getaddrinfo((byte*)name, (byte*)port, &hints, &list);
            for (addrinfo* entry = status == 0 ? list : null; entry != null; entry = entry->ai_next)
                found.Add(new ReadOnlySpan<byte>(entry->ai_addr, (int)entry->ai_addrlen).ToArray());
            return status;
        }
        finally
        {
            if (list != null)
                Raw.freeaddrinfo(list);
            Marshal.FreeCoTaskMem(name);
            Marshal.FreeCoTaskMem(port);
        }
    }

    /// <summary>gai_strerror(3): what an EAI_ number means, such as "Name or service not known".</summary>
    public static string gai_strerror(int status) => Marshal.PtrToStringUTF8((nint)Raw.gai_strerror(status)) ?? $"error {status}";

    /// <summary>One entry of what getaddrinfo(3) finds, and the hints that are given to it.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct addrinfo
    {
        public int ai_flags;
        public int ai_family;
        public int ai_socktype;
        public int ai_protocol;
        public uint ai_addrlen;
        public byte* ai_addr;
        public byte* ai_canonname;
        public addrinfo* ai_next;
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int getaddrinfo(byte* node, byte* service, Libc.addrinfo* hints, Libc.addrinfo** res);

    [LibraryImport(LibraryName)]
    public static partial void freeaddrinfo(Libc.addrinfo* res);

    [LibraryImport(LibraryName)]
    public static partial byte* gai_strerror(int errcode);
}
