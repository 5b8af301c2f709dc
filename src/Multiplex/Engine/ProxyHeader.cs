using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Engine;

/// <summary>
/// The header with which a proxy begins a connection, and in which it says for which client it has made it: versions 1 and 2 of the PROXY protocol, as
/// HAProxy's proxy-protocol.txt specifies them. Sections are that text's.
/// </summary>
/// <param name="Kind">The kind of the client's address.</param>
/// <param name="Client">The client's raw socket address; null where the header names none, and that of the connection stands.</param>
/// <param name="Server">The raw address to which the client connected.</param>
internal readonly record struct ProxyHeader(EndpointKind Kind, byte[]? Client, byte[]? Server)
{
    private const int LongestLine = 107;     // bytes of version 1 with CR and LF: section 2.1
    private const int FixedLength = 16;      // bytes of version 2 before the addresses
    private const int Ipv4Length = 12, Ipv6Length = 36, UnixLength = 216;   // two addresses, and two ports

    private const byte Local = 0x20, Proxy = 0x21;   // version 2, and a command
    private const byte Crc32c = 0x03;        // PP2_TYPE_CRC32C
    private const int TlvStart = 3;          // bytes of the type and the length

    private static ReadOnlySpan<byte> Line => "PROXY "u8;

    private static ReadOnlySpan<byte> Signature => "\r\n\r\n\0\r\nQUIT\n"u8;

    /// <summary>Reads the header at the front of a connection's bytes.</summary>
    /// <param name="received">All that has been received, not empty.</param>
    /// <param name="header">What it says, once it is whole.</param>
    /// <returns>Its length in bytes; <see cref="FrameResult.Incomplete"/> or <see cref="FrameResult.Malformed"/>.</returns>
    public static int Read(ReadOnlySpan<byte> received, out ProxyHeader header)
    {
        header = default;
        return BeginsLike(received, Line) ? ReadLine(received, ref header)
            : BeginsLike(received, Signature) ? ReadBinary(received, ref header)
            : FrameResult.Malformed;
    }

    private static bool BeginsLike(ReadOnlySpan<byte> received, ReadOnlySpan<byte> start) =>
        received.Length < start.Length ? start.StartsWith(received) : received.StartsWith(start);

    // PROXY TCP4 192.0.2.1 198.51.100.1 51234 20490: section 2.1.
    private static int ReadLine(ReadOnlySpan<byte> received, ref ProxyHeader header)
    {
        ReadOnlySpan<byte> most = received[..Math.Min(received.Length, LongestLine)];
        int end = most.IndexOf("\r\n"u8);
        if (end < 0)
            return most.Length < LongestLine ? FrameResult.Incomplete : FrameResult.Malformed;
        ReadOnlySpan<byte> line = most[..end];
        int length = end + 2;
        if (line.SequenceEqual("PROXY UNKNOWN"u8) || line.StartsWith("PROXY UNKNOWN "u8))
            return length;   // what follows is ignored
        string[] words = Encoding.Latin1.GetString(line).Split(' ');
        int family = words[1] == "TCP4" ? AF_INET : words[1] == "TCP6" ? AF_INET6 : AF_UNSPEC;
        if (family == AF_UNSPEC || words.Length != 6 || line.ContainsAnyExceptInRange((byte)' ', (byte)'~'))
            return FrameResult.Malformed;
        header = new(EndpointKind.Tcp, AddressOf(family, words[2], words[4]), AddressOf(family, words[3], words[5]));
        return header.Client is null || header.Server is null ? FrameResult.Malformed : length;
    }

    private static byte[]? AddressOf(int family, string host, string port)
    {
        Span<byte> bytes = stackalloc byte[16];
        bool isPort = ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out ushort number) && (port[0] != '0' || port.Length == 1);
        return isPort && inet_pton(family, host, bytes).Value == 1 ? AddressOf(family, bytes, number) : null;
    }

    // Section 2.2.
    private static int ReadBinary(ReadOnlySpan<byte> received, ref ProxyHeader header)
    {
        if (received.Length < FixedLength)
            return FrameResult.Incomplete;
        byte command = received[12], family = received[13];
        int length = FixedLength + BinaryPrimitives.ReadUInt16BigEndian(received[14..]);
        int addresses = family switch { 0x00 => 0, 0x11 or 0x12 => Ipv4Length, 0x21 or 0x22 => Ipv6Length, 0x31 or 0x32 => UnixLength, _ => -1 };
        bool isMalformed = command != Local && (command != Proxy || addresses < 0 || length < FixedLength + addresses);
        if (isMalformed || received.Length < length)
            return isMalformed ? FrameResult.Malformed : FrameResult.Incomplete;

        // A health check of the proxy, or a client of an unknown kind: the receiver ignores the rest.
        if (command == Local || addresses == 0)
            return length;
        ReadOnlySpan<byte> whole = received[..length], block = whole.Slice(FixedLength, addresses);
        header = addresses switch
        {
            Ipv4Length => OfInternet(AF_INET, block, 4),
            Ipv6Length => OfInternet(AF_INET6, block, 16),
            _ => new(EndpointKind.Unix, OfPath(block[..(UnixLength / 2)]), OfPath(block[(UnixLength / 2)..])),
        };
        return IsIntact(whole, FixedLength + addresses) ? length : FrameResult.Malformed;
    }

    private static ProxyHeader OfInternet(int family, ReadOnlySpan<byte> block, int host) => new(
        EndpointKind.Tcp,
        AddressOf(family, block[..host], BinaryPrimitives.ReadUInt16BigEndian(block[(2 * host)..])),
        AddressOf(family, block[host..], BinaryPrimitives.ReadUInt16BigEndian(block[((2 * host) + 2)..])));

    // A sockaddr_in or sockaddr_in6.
    private static byte[] AddressOf(int family, ReadOnlySpan<byte> host, ushort port)
    {
        byte[] address = new byte[family == AF_INET ? Marshal.SizeOf<sockaddr_in>() : Marshal.SizeOf<sockaddr_in6>()];
        MemoryMarshal.Write(address, (ushort)family);
        BinaryPrimitives.WriteUInt16BigEndian(address.AsSpan(2), port);
        if (family == AF_INET)
            host[..4].CopyTo(address.AsSpan(4));
        else
            host[..16].CopyTo(address.AsSpan(8));
        return address;
    }

    // A sockaddr_un of just the length that counts: without the zeros behind the name.
    private static byte[] OfPath(ReadOnlySpan<byte> path)
    {
        path = path.TrimEnd((byte)0);
        byte[] address = new byte[sizeof(ushort) + path.Length];
        MemoryMarshal.Write(address, (ushort)AF_UNIX);
        path.CopyTo(address.AsSpan(sizeof(ushort)));
        return address;
    }

    // Whether the values behind the addresses, of a type and a length each, fill the rest, and the checksum among them, if there is one, is right.
    private static bool IsIntact(ReadOnlySpan<byte> header, int position)
    {
        while (position < header.Length)
        {
            int start = position + TlvStart;
            int end = start > header.Length ? int.MaxValue : start + BinaryPrimitives.ReadUInt16BigEndian(header[(position + 1)..]);
            if (end > header.Length)
                return false;
            if (header[position] == Crc32c && (end - start != sizeof(uint) || !HasChecksum(header, start)))
                return false;
            position = end;
        }

        return true;
    }

    // CRC32c of the whole header, in which the checksum itself counts as zeros: section 2.2.3.
    private static bool HasChecksum(ReadOnlySpan<byte> header, int at)
    {
        uint crc = uint.MaxValue;
        for (int i = 0; i < header.Length; i++)
            crc = BitOperations.Crc32C(crc, i >= at && i < at + sizeof(uint) ? (byte)0 : header[i]);
        return ~crc == BinaryPrimitives.ReadUInt32BigEndian(header[at..]);
    }
}
