using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Multiplex.TestSupport;

/// <summary>Headers of the PROXY protocol as bytes, written here a second time so that the tests do not depend on the code that they test.</summary>
internal static class ProxyHeaders
{
    public const byte Stream = 1, Datagram = 2;
    public const byte Noop = 4, Authority = 2, Checksum = 3;

    /// <summary>Version 1.</summary>
    public static byte[] Line(string client, string server) => Line(IPEndPoint.Parse(client), IPEndPoint.Parse(server));

    /// <summary>Version 2 with the addresses of two Internet endpoints, and what else there is: each a type and a value.</summary>
    public static byte[] Binary(string client, string server, params (byte Type, byte[] Value)[] more)
    {
        IPEndPoint from = IPEndPoint.Parse(client), to = IPEndPoint.Parse(server);
        byte family = (byte)(from.Address.GetAddressBytes().Length == 4 ? 0x10 : 0x20);
        return Binary(0x21, (byte)(family | Stream), [.. from.Address.GetAddressBytes(), .. to.Address.GetAddressBytes(), .. Big(from.Port), .. Big(to.Port)], more);
    }

    /// <summary>Version 2 with the paths of two UNIX-domain sockets.</summary>
    public static byte[] Paths(string client, string server) => Binary(0x21, 0x31, [.. Path(client), .. Path(server)]);

    /// <summary>Version 2 of a connection that the proxy makes for itself.</summary>
    public static byte[] Local() => Binary(0x20, 0, []);

    /// <summary>Version 2: the version and command, the family and protocol, the addresses, and what else there is. A checksum of no bytes is the right one.</summary>
    public static byte[] Binary(byte command, byte family, byte[] addresses, params (byte Type, byte[] Value)[] more)
    {
        byte[] header =
        [
            .. "\r\n\r\n\0\r\nQUIT\n"u8, command, family, .. Big(addresses.Length + more.Sum(one => 3 + ValueOf(one).Length)), .. addresses,
            .. more.SelectMany(one => (byte[])[one.Type, .. Big(ValueOf(one).Length), .. ValueOf(one)]),
        ];
        int at = 16 + addresses.Length;
        foreach ((byte Type, byte[] Value) one in more)
        {
            if (one is { Type: Checksum, Value.Length: 0 })
                BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(at + 3), Crc32c(header));
            at += 3 + ValueOf(one).Length;
        }

        return header;
    }

    /// <summary>CRC32c bit by bit: RFC 3720 section 12.1, the polynomial 0x1EDC6F41 reflected.</summary>
    public static uint Crc32c(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte one in bytes)
        {
            crc ^= one;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ ((crc & 1) * 0x82F6_3B78);
        }

        return ~crc;
    }

    private static byte[] Line(IPEndPoint client, IPEndPoint server) => Encoding.ASCII.GetBytes(
        $"PROXY {(client.Address.GetAddressBytes().Length == 4 ? "TCP4" : "TCP6")} {client.Address} {server.Address} {client.Port} {server.Port}\r\n");

    private static byte[] ValueOf((byte Type, byte[] Value) one) => one is { Type: Checksum, Value.Length: 0 } ? new byte[4] : one.Value;

    private static byte[] Path(string path)
    {
        byte[] bytes = new byte[108];
        Encoding.UTF8.GetBytes(path, bytes);
        return bytes;
    }

    private static byte[] Big(int number) => [(byte)(number >> 8), (byte)number];
}
