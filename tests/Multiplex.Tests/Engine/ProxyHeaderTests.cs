using System.Text;
using Multiplex.Engine;
using Multiplex.Sockets;

namespace Multiplex.Tests.Engine;

/// <summary>The header of a proxy, byte for byte, as proxy-protocol.txt specifies it.</summary>
public sealed class ProxyHeaderTests
{
    private const string Ipv4 = "192.0.2.7:51234", Ipv4Server = "198.51.100.1:2049", Ipv6 = "[2001:db8::7]:700", Ipv6Server = "[2001:db8::1]:2049";

    private static readonly (byte, byte[])[] s_values = [(ProxyHeaders.Noop, new byte[7]), (ProxyHeaders.Authority, "a.example"u8.ToArray()), (ProxyHeaders.Checksum, []), (0xE0, [])];

    public static IEnumerable<TestCaseData> Right =>
    [
        new TestCaseData(ProxyHeaders.Line(Ipv4, Ipv4Server), $"tcp://{Ipv4}", $"tcp://{Ipv4Server}").SetArgDisplayNames("line, IPv4"),
        new TestCaseData(ProxyHeaders.Line(Ipv6, Ipv6Server), $"tcp://{Ipv6}", $"tcp://{Ipv6Server}").SetArgDisplayNames("line, IPv6"),
        new TestCaseData("PROXY TCP4 255.255.255.255 255.255.255.255 65535 0\r\n"u8.ToArray(), "tcp://255.255.255.255:65535", "tcp://255.255.255.255:0").SetArgDisplayNames("line, longest IPv4"),
        new TestCaseData("PROXY UNKNOWN\r\n"u8.ToArray(), null, null).SetArgDisplayNames("line, unknown"),
        new TestCaseData("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"u8.ToArray(), null, null).SetArgDisplayNames("line, unknown and more"),
        new TestCaseData(ProxyHeaders.Binary(Ipv4, Ipv4Server), $"tcp://{Ipv4}", $"tcp://{Ipv4Server}").SetArgDisplayNames("IPv4"),
        new TestCaseData(ProxyHeaders.Binary(Ipv6, Ipv6Server), $"tcp://{Ipv6}", $"tcp://{Ipv6Server}").SetArgDisplayNames("IPv6"),
        new TestCaseData(ProxyHeaders.Binary(Ipv4, Ipv4Server, s_values), $"tcp://{Ipv4}", $"tcp://{Ipv4Server}").SetArgDisplayNames("IPv4, values"),
        new TestCaseData(ProxyHeaders.Binary(Ipv6, Ipv6Server, (0xE1, new byte[60_000]), (ProxyHeaders.Checksum, [])), $"tcp://{Ipv6}", $"tcp://{Ipv6Server}").SetArgDisplayNames("IPv6, long values"),
        new TestCaseData(ProxyHeaders.Paths("/run/client", "/run/server"), "unix:/run/client", "unix:/run/server").SetArgDisplayNames("paths"),
        new TestCaseData(ProxyHeaders.Paths("\0name", ""), "unix:@name", "unix:").SetArgDisplayNames("an abstract name, and none"),
        new TestCaseData(ProxyHeaders.Paths(new string('x', 108), new string('y', 107)), $"unix:{new string('x', 108)}", $"unix:{new string('y', 107)}").SetArgDisplayNames("longest paths"),
        new TestCaseData(ProxyHeaders.Binary(0x21, 0x12, new byte[12]), "tcp://0.0.0.0:0", "tcp://0.0.0.0:0").SetArgDisplayNames("UDP's"),
        new TestCaseData(ProxyHeaders.Local(), null, null).SetArgDisplayNames("local"),
        new TestCaseData(ProxyHeaders.Binary(0x20, 0x77, [1, 2, 3]), null, null).SetArgDisplayNames("local, of no known family"),
        new TestCaseData(ProxyHeaders.Binary(0x21, 0x00, [1, 2, 3]), null, null).SetArgDisplayNames("unspecified"),
    ];

    [TestCaseSource(nameof(Right))]
    public void A_header_is_read_to_its_end_and_before_that_is_incomplete(byte[] header, string? client, string? server)
    {
        int step = Math.Max(1, header.Length / 1000);
        for (int length = 1; length < header.Length; length += step)
            Assert.That(ProxyHeader.Read(header.AsSpan(0, length), out _), Is.EqualTo(FrameResult.Incomplete), $"the first {length} bytes");
        Assert.That(ProxyHeader.Read([.. header, .. "PROXY"u8], out ProxyHeader read), Is.EqualTo(header.Length));
        Assert.That((TextOf(read, read.Client), TextOf(read, read.Server)), Is.EqualTo((client, server)));
    }

    [TestCase("G")]
    [TestCase("PROXX")]
    [TestCase("PROXY TCP4 192.0.2.7 198.51.100.1 51234\r\n")]
    [TestCase("PROXY TCP4 192.0.2.7 198.51.100.1 51234 2049 1\r\n")]
    [TestCase("PROXY TCP4  192.0.2.7 198.51.100.1 51234 2049\r\n")]
    [TestCase("PROXY TCP4 192.0.2.7 198.51.100.1 51234 2049 \r\n")]
    [TestCase("PROXY TCP4 192.0.2.7 198.51.100.1 51234 65536\r\n")]
    [TestCase("PROXY TCP4 192.0.2.7 198.51.100.1 051234 2049\r\n")]
    [TestCase("PROXY TCP4 192.0.2.7 198.51.100.1 +1 2049\r\n")]
    [TestCase("PROXY TCP4 192.0.2.07 198.51.100.1 51234 2049\r\n")]
    [TestCase("PROXY TCP4 192.0.2 198.51.100.1 51234 2049\r\n")]
    [TestCase("PROXY TCP4 localhost 198.51.100.1 51234 2049\r\n")]
    [TestCase("PROXY TCP4 2001:db8::7 2001:db8::1 51234 2049\r\n")]
    [TestCase("PROXY TCP6 192.0.2.7 198.51.100.1 51234 2049\r\n")]
    [TestCase("PROXY TCP6 fe80::1%lo 2001:db8::1 51234 2049\r\n")]
    [TestCase("PROXY TCP4 192.0.2.7\0 198.51.100.1 51234 2049\r\n", TestName = "Another_beginning_is_malformed(a NUL)")]
    [TestCase("PROXY UDP4 192.0.2.7 198.51.100.1 51234 2049\r\n")]
    [TestCase("PROXY UNKNOWNS\r\n")]
    [TestCase("PROXY  UNKNOWN\r\n")]
    [TestCase("PROXY \r\n")]
    public void Another_beginning_is_malformed(string text) =>
        Assert.That(ProxyHeader.Read(Encoding.ASCII.GetBytes(text), out _), Is.EqualTo(FrameResult.Malformed));

    [Test]
    public void A_line_ends_within_107_bytes()
    {
        byte[] endless = Encoding.ASCII.GetBytes("PROXY UNKNOWN ".PadRight(200, 'x'));
        Assert.That(ProxyHeader.Read(endless.AsSpan(0, 106), out _), Is.EqualTo(FrameResult.Incomplete));
        Assert.That(ProxyHeader.Read(endless.AsSpan(0, 107), out _), Is.EqualTo(FrameResult.Malformed));
        "\r\n"u8.CopyTo(endless.AsSpan(105));
        Assert.That(ProxyHeader.Read(endless, out _), Is.EqualTo(107));
        "x\r\n"u8.CopyTo(endless.AsSpan(105));
        Assert.That(ProxyHeader.Read(endless, out _), Is.EqualTo(FrameResult.Malformed));
    }

    public static IEnumerable<TestCaseData> Wrong =>
    [
        new TestCaseData(ProxyHeaders.Binary(0x11, 0x11, new byte[12])).SetArgDisplayNames("version 1"),
        new TestCaseData(ProxyHeaders.Binary(0x22, 0x11, new byte[12])).SetArgDisplayNames("command 2"),
        new TestCaseData(ProxyHeaders.Binary(0x21, 0x41, new byte[12])).SetArgDisplayNames("family 4"),
        new TestCaseData(ProxyHeaders.Binary(0x21, 0x13, new byte[12])).SetArgDisplayNames("protocol 3"),
        new TestCaseData(ProxyHeaders.Binary(0x21, 0x10, new byte[12])).SetArgDisplayNames("a family without a protocol"),
        new TestCaseData(ProxyHeaders.Binary(0x21, 0x11, new byte[11])).SetArgDisplayNames("IPv4 too short"),
        new TestCaseData(ProxyHeaders.Binary(0x21, 0x21, new byte[35])).SetArgDisplayNames("IPv6 too short"),
        new TestCaseData(ProxyHeaders.Binary(0x21, 0x31, new byte[215])).SetArgDisplayNames("paths too short"),
        new TestCaseData(ProxyHeaders.Binary(0x21, 0x11, new byte[13])).SetArgDisplayNames("a value of one byte"),
        new TestCaseData(ProxyHeaders.Binary(0x21, 0x11, [.. new byte[12], 4, 0, 2, 0])).SetArgDisplayNames("a value past the end"),
        new TestCaseData(ProxyHeaders.Binary(Ipv4, Ipv4Server, (ProxyHeaders.Checksum, [1, 2, 3, 4]))).SetArgDisplayNames("a wrong checksum"),
        new TestCaseData(ProxyHeaders.Binary(Ipv4, Ipv4Server, (ProxyHeaders.Checksum, [1, 2, 3]))).SetArgDisplayNames("a short checksum"),
    ];

    [TestCaseSource(nameof(Wrong))]
    public void A_header_of_version_2_that_is_wrong_is_malformed(byte[] header) =>
        Assert.That(ProxyHeader.Read(header, out _), Is.EqualTo(FrameResult.Malformed));

    [Test]
    public void A_checksum_finds_each_change_behind_the_fixed_part()
    {
        byte[] header = ProxyHeaders.Binary(Ipv6, Ipv6Server, s_values);
        for (int at = 16; at < header.Length; at++)
        {
            byte[] changed = [.. header];
            changed[at] ^= 0x11;
            bool isType = changed[at] == (ProxyHeaders.Checksum ^ 0x11) && header[at] == ProxyHeaders.Checksum;
            if (!isType)
                Assert.That(ProxyHeader.Read(changed, out _), Is.EqualTo(FrameResult.Malformed), $"byte {at}");
        }
    }

    private static string? TextOf(ProxyHeader header, byte[]? address) => address is null ? null : AddressText.Format(header.Kind, address);
}
