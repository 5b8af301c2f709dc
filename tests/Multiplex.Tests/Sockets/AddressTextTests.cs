using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Sockets;

public class AddressTextTests
{
    [TestCase("127.0.0.1", 80, "tcp://127.0.0.1:80")]
    [TestCase("255.255.255.255", 65535, "tcp://255.255.255.255:65535")]
    [TestCase("::1", 7, "tcp://[::1]:7")]
    [TestCase("2001:db8:1:2:3:4:5:6", 65535, "tcp://[2001:db8:1:2:3:4:5:6]:65535")]
    [TestCase("fe80::1%4294967295", 1, "tcp://[fe80::1%4294967295]:1")]
    public void An_internet_address_is_written_as_an_endpoint(string address, int port, string expected) =>
        Assert.That(AddressText.Format(EndpointKind.Tcp, Internet(address, port)), Is.EqualTo(expected));

    [Test]
    public void The_kind_makes_the_prefix() =>
        Assert.That(AddressText.Format(EndpointKind.Udp, Internet("127.0.0.1", 53)), Is.EqualTo("udp://127.0.0.1:53"));

    [TestCase("/run/m.sock", "unix:/run/m.sock")]
    [TestCase("@abstract", "unix:@abstract")]
    [TestCase("/größe", "unix:/größe")]
    public void A_path_is_written_as_an_endpoint(string path, string expected) =>
        Assert.That(AddressText.Format(EndpointKind.Unix, AddressText.OfPath(path)), Is.EqualTo(expected));

    [Test]
    public void A_path_that_fills_sun_path_has_no_NUL_to_end_at()
    {
        byte[] full = [AF_UNIX, 0, .. Encoding.ASCII.GetBytes(new string('p', 108))];
        Assert.That(AddressText.Format(EndpointKind.UnixPacket, full), Is.EqualTo("unixpacket:" + new string('p', 108)));
    }

    [Test]
    public void A_path_ends_at_its_NUL()
    {
        byte[] padded = [AF_UNIX, 0, (byte)'/', (byte)'a', 0, (byte)'j', (byte)'u', (byte)'n', (byte)'k'];
        Assert.That(AddressText.Format(EndpointKind.Unix, padded), Is.EqualTo("unix:/a"));
    }

    [Test]
    public void A_socket_without_a_name_is_the_prefix_alone()
    {
        Assert.That(AddressText.Format(EndpointKind.Unix, [AF_UNIX, 0]), Is.EqualTo("unix:"));
        Assert.That(AddressText.Format(EndpointKind.UnixGram, []), Is.EqualTo("unixgram:"));
    }

    [Test]
    public void An_address_that_makes_no_sense_is_a_question_mark()
    {
        Assert.That(AddressText.Format(EndpointKind.Tcp, []), Is.EqualTo("tcp://?"));
        Assert.That(AddressText.Format(EndpointKind.Tcp, Internet("::1", 7).AsSpan(0, 12)), Is.EqualTo("tcp://?"), "cut off");
    }

    [Test]
    public void What_does_not_fit_is_cut_off()
    {
        Span<byte> small = stackalloc byte[9];
        int length = AddressText.Format(EndpointKind.Tcp, Internet("127.0.0.1", 80), small);
        Assert.That(Encoding.ASCII.GetString(small[..length]), Is.EqualTo("tcp://127"));
    }

    [Test]
    public void Writing_into_a_span_allocates_nothing()
    {
        byte[][] addresses = [Internet("127.0.0.1", 80), Internet("fe80::1%3", 80)];
        Span<byte> text = stackalloc byte[128];
        AllocationRounds rounds = new();
        while (rounds.Next())
        {
            foreach (byte[] address in addresses)
                AddressText.Format(EndpointKind.Tcp, address, text);
        }

        Assert.That(rounds.Least, Is.Zero);
    }

    [Test]
    public void The_address_of_a_path_has_just_the_length_that_counts()
    {
        Assert.That(AddressText.OfPath("/a"), Is.EqualTo(new byte[] { AF_UNIX, 0, (byte)'/', (byte)'a', 0 }));
        Assert.That(AddressText.OfPath("@a"), Is.EqualTo(new byte[] { AF_UNIX, 0, 0, (byte)'a' }));
    }

    // The raw address as System.Net reads it, to compare with.
    private static byte[] Internet(string address, int port)
    {
        SocketAddress raw = new IPEndPoint(IPAddress.Parse(address), port).Serialize();
        byte[] bytes = raw.Buffer.Span[..raw.Size].ToArray();
        Assert.That(MemoryMarshal.Read<ushort>(bytes), Is.EqualTo(address.Contains(':') ? AF_INET6 : AF_INET));
        return bytes;
    }
}
