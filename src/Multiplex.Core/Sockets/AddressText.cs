using System.Runtime.CompilerServices;
using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets;

/// <summary>Raw socket addresses as text: what getsockname(2) and accept(2) give, written as an endpoint.</summary>
internal static class AddressText
{
    /// <summary>The longest text: a UNIX-domain path with its prefix.</summary>
    private const int MaxLength = 160;

    /// <summary>Writes the address as an endpoint in UTF-8, without allocation; what does not fit is cut off.</summary>
    /// <returns>How many bytes were written.</returns>
    public static int Format(EndpointKind kind, ReadOnlySpan<byte> address, Span<byte> utf8)
    {
        Span<byte> text = stackalloc byte[MaxLength];
        int length = Encoding.ASCII.GetBytes(kind.Prefix(), text);
        length += kind.IsInternet() ? HostAndPort(address, text[length..]) : Path(address, text[length..]);
        length = Math.Min(length, utf8.Length);
        text[..length].CopyTo(utf8);
        return length;
    }

    /// <summary>The address as an endpoint.</summary>
    public static string Format(EndpointKind kind, ReadOnlySpan<byte> address)
    {
        Span<byte> utf8 = stackalloc byte[MaxLength];
        return Encoding.UTF8.GetString(utf8[..Format(kind, address, utf8)]);
    }

    /// <summary>The raw socket address of the endpoint's path: a sockaddr_un of just the length that counts.</summary>
    public static byte[] OfPath(string path)
    {
        byte[] name = Encoding.UTF8.GetBytes(path);
        bool isAbstract = path.StartsWith('@');

        // An abstract name is all that follows a leading NUL; a path ends with one.
        byte[] address = new byte[sizeof(ushort) + name.Length + (isAbstract ? 0 : 1)];
        MemoryMarshal.Write(address, (ushort)AF_UNIX);
        name.CopyTo(address, sizeof(ushort));
        if (isAbstract)
            address[sizeof(ushort)] = 0;
        return address;
    }

    private static int HostAndPort(ReadOnlySpan<byte> address, Span<byte> text)
    {
        "//"u8.CopyTo(text);
        int length = 2;
        ushort port;
        if (address.Length >= Unsafe.SizeOf<sockaddr_in6>() && MemoryMarshal.Read<ushort>(address) == AF_INET6)
        {
            text[length++] = (byte)'[';
            length += inet_ntop(AF_INET6, address.Slice(8, 16), text[length..]).OrThrow("inet_ntop");
            uint scope = MemoryMarshal.Read<sockaddr_in6>(address).sin6_scope_id;
            if (scope != 0)
            {
                text[length++] = (byte)'%';
                length += Number(scope, text[length..]);
            }

            text[length++] = (byte)']';
            port = MemoryMarshal.Read<sockaddr_in6>(address).sin6_port;
        }
        else if (address.Length >= Unsafe.SizeOf<sockaddr_in>() && MemoryMarshal.Read<ushort>(address) == AF_INET)
        {
            length += inet_ntop(AF_INET, address.Slice(4, 4), text[length..]).OrThrow("inet_ntop");
            port = MemoryMarshal.Read<sockaddr_in>(address).sin_port;
        }
        else
        {
            text[length] = (byte)'?';
            return length + 1;
        }

        text[length++] = (byte)':';
        return length + Number(BinaryPrimitives.ReverseEndianness(port), text[length..]);
    }

    private static int Number(uint value, Span<byte> text) =>
        value.TryFormat(text, out int written, default, CultureInfo.InvariantCulture) ? written : 0;

    // The kernel gives a path with its NUL, an abstract name with a leading NUL, and nothing for a socket without a name.
    private static int Path(ReadOnlySpan<byte> address, Span<byte> text)
    {
        if (address.Length <= sizeof(ushort))
            return 0;
        ReadOnlySpan<byte> path = address[sizeof(ushort)..];
        bool isAbstract = path[0] == 0;
        int end = isAbstract ? path.Length : path.IndexOf((byte)0);
        path = end < 0 ? path : path[..end];
        path.CopyTo(text);
        if (isAbstract)
            text[0] = (byte)'@';
        return path.Length;
    }
}
