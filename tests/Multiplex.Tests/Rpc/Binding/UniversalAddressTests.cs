using FsCheck;
using Multiplex.Rpc.Binding;
using Multiplex.Sockets;
using FsCheckProperty = FsCheck.NUnit.PropertyAttribute;

namespace Multiplex.Tests.Rpc.Binding;

/// <summary>Transport addresses as text, to and from endpoints.</summary>
public class UniversalAddressTests
{
    [TestCase("tcp://127.0.0.1:111", "tcp", "127.0.0.1.0.111")]
    [TestCase("udp://10.1.2.3:2049", "udp", "10.1.2.3.8.1")]
    [TestCase("tcp://0.0.0.0:65535", "tcp", "0.0.0.0.255.255")]
    [TestCase("tcp://[::]:111", "tcp6", "::.0.111")]
    [TestCase("udp://[2001:db8::7]:4000", "udp6", "2001:db8::7.15.160")]
    [TestCase("tcp://[::ffff:1.2.3.4]:1", "tcp6", "::ffff:1.2.3.4.0.1")]
    [TestCase("unix:/run/rpcbind.sock", "local", "/run/rpcbind.sock")]
    [TestCase("unix:@name", "local", "@name")]
    public void An_endpoint_has_one_netid_and_one_universal_address(string endpoint, string netid, string address)
    {
        Endpoint parsed = Endpoint.Parse(endpoint);
        Assert.That(Netid.Of(parsed)?.Name, Is.EqualTo(netid));
        Assert.That(UniversalAddress.Of(parsed), Is.EqualTo(address));
        Assert.That(UniversalAddress.TryParse(Netid.Find(netid)!, address, out Endpoint? back), Is.True);
        Assert.That(back, Is.EqualTo(parsed));
    }

    [Test]
    public void A_star_is_every_IPv4_interface() =>
        Assert.That(UniversalAddress.Of(Endpoint.Parse("udp://*:256")), Is.EqualTo("0.0.0.0.1.0"));

    [TestCase("tcp", "")]
    [TestCase("tcp", "127.0.0.1")]
    [TestCase("tcp", "127.0.0.1.0")]
    [TestCase("tcp", "127.0.0.1.0.111.0")]
    [TestCase("tcp", "127.0.0.1.0.256")]
    [TestCase("tcp", "127.0.0.1.0.-1")]
    [TestCase("tcp", "127.0.0.256.0.1")]
    [TestCase("tcp", "127.0.0.1.0.+1")]
    [TestCase("tcp", "::1.0.111")]
    [TestCase("tcp", "localhost.0.111")]
    [TestCase("tcp", "127.0.0.1\0.0.111")]
    [TestCase("tcp6", "127.0.0.1.0.111")]
    [TestCase("tcp6", ":::.0.111")]
    [TestCase("tcp6", "::1.111")]
    [TestCase("udp6", "::1")]
    [TestCase("local", "")]
    [TestCase("local", "@")]
    public void What_is_no_universal_address_of_a_transport_is_not_taken_for_one(string netid, string text) =>
        Assert.That(UniversalAddress.TryParse(Netid.Find(netid)!, text, out _), Is.False);

    [TestCase("tcp://localhost:111")]
    [TestCase("tcp://127.0.0.1:http")]
    [TestCase("unixgram:/g")]
    [TestCase("unixpacket:@p")]
    public void A_name_or_a_kind_without_a_netid_has_none(string endpoint) =>
        Assert.That(() => UniversalAddress.Of(Endpoint.Parse(endpoint)), Throws.TypeOf<FormatException>().With.Message.Contains(endpoint));

    [FsCheckProperty]
    public void Any_IPv4_address_and_port_is_read_back(byte a, byte b, byte c, byte d, ushort port, bool stream)
    {
        Netid netid = stream ? Netid.Tcp : Netid.Udp;
        Endpoint endpoint = new(netid.Kind, $"{a}.{b}.{c}.{d}", $"{port}", "");
        string text = UniversalAddress.Of(endpoint);
        Assert.That(text, Is.EqualTo($"{a}.{b}.{c}.{d}.{port / 256}.{port % 256}"));
        Assert.That(UniversalAddress.TryParse(netid, text, out Endpoint? back) ? back : null, Is.EqualTo(endpoint));
    }

    [FsCheckProperty]
    public void Any_IPv6_address_and_port_is_read_back(ulong high, ulong low, ushort port)
    {
        byte[] bytes = [.. BitConverter.GetBytes(high), .. BitConverter.GetBytes(low)];
        Endpoint endpoint = new(EndpointKind.Udp, new System.Net.IPAddress(bytes).ToString(), $"{port}", "");
        Assert.That(UniversalAddress.TryParse(Netid.Udp6, UniversalAddress.Of(endpoint), out Endpoint? back) ? back : null, Is.EqualTo(endpoint));
    }

    [FsCheckProperty(MaxTest = 1000)]
    public void Whatever_is_read_is_written_again_and_nothing_throws(NonNull<string> text, byte which)
    {
        Netid netid = Netid.All[which % Netid.All.Count];
        if (UniversalAddress.TryParse(netid, text.Get, out Endpoint? endpoint))
            Assert.That(UniversalAddress.TryParse(netid, UniversalAddress.Of(endpoint), out Endpoint? again) ? again : null, Is.EqualTo(endpoint));
    }
}
