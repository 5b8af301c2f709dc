using Multiplex.Sockets;

namespace Multiplex.Tests.Sockets;

public class EndpointTests
{
    [TestCase("tcp://127.0.0.1:80", EndpointKind.Tcp, "127.0.0.1", "80")]
    [TestCase("tcp://localhost:0", EndpointKind.Tcp, "localhost", "0")]
    [TestCase("tcp://*:65535", EndpointKind.Tcp, "*", "65535")]
    [TestCase("tcp://[::1]:7", EndpointKind.Tcp, "::1", "7")]
    [TestCase("tcp://[fe80::1%lo]:7", EndpointKind.Tcp, "fe80::1%lo", "7")]
    [TestCase("tcp://www.example.com:http", EndpointKind.Tcp, "www.example.com", "http")]
    [TestCase("tcp://h:iso-tsap", EndpointKind.Tcp, "h", "iso-tsap")]
    [TestCase("udp://10.0.0.1:53", EndpointKind.Udp, "10.0.0.1", "53")]
    public void A_host_and_port_are_read(string text, EndpointKind kind, string host, string port)
    {
        Assert.That(Endpoint.Parse(text), Is.EqualTo(new Endpoint(kind, host, port, "")));
        Assert.That(Endpoint.Parse(text).ToString(), Is.EqualTo(text));
    }

    [TestCase("unix:/run/m.sock", EndpointKind.Unix, "/run/m.sock")]
    [TestCase("unix:relative", EndpointKind.Unix, "relative")]
    [TestCase("unix://two/slashes", EndpointKind.Unix, "//two/slashes")]
    [TestCase("unix:@abstract", EndpointKind.Unix, "@abstract")]
    [TestCase("unix:a:b", EndpointKind.Unix, "a:b")]
    [TestCase("unix:/größe", EndpointKind.Unix, "/größe")]
    [TestCase("unixpacket:/p", EndpointKind.UnixPacket, "/p")]
    [TestCase("unixgram:/g", EndpointKind.UnixGram, "/g")]
    public void A_path_is_read(string text, EndpointKind kind, string path)
    {
        Assert.That(Endpoint.Parse(text), Is.EqualTo(new Endpoint(kind, "", "", path)));
        Assert.That(Endpoint.Parse(text).ToString(), Is.EqualTo(text));
    }

    [TestCase("", "write tcp://HOST:PORT, udp://HOST:PORT, unix:PATH, unixpacket:PATH or unixgram:PATH")]
    [TestCase("127.0.0.1:80", "write tcp://HOST:PORT")]
    [TestCase("http://localhost:80", "write tcp://HOST:PORT")]
    [TestCase("TCP://localhost:80", "write tcp://HOST:PORT")]
    [TestCase("tcp:localhost:80", "write tcp://HOST:PORT")]
    [TestCase("tcp:/localhost:80", "write tcp://HOST:PORT")]
    [TestCase("tcp://", "write tcp://HOST:PORT")]
    [TestCase("tcp://localhost", "write tcp://HOST:PORT")]
    [TestCase("udp://localhost", "write udp://HOST:PORT")]
    [TestCase("tcp://:80", "the host is missing: write tcp://HOST:PORT, with * for every interface")]
    [TestCase("tcp://[]:80", "the host is missing")]
    [TestCase("tcp://::1:80", "write an IPv6 address in brackets, such as [::1]")]
    [TestCase("tcp://localhost:", "the port is missing: write tcp://HOST:PORT, with 0 to let the kernel choose")]
    [TestCase("tcp://localhost:65536", "a port is a number from 0 to 65535")]
    [TestCase("tcp://localhost:99999999999999999999", "a port is a number from 0 to 65535")]
    [TestCase("tcp://localhost:-1x!", "a port is a number from 0 to 65535, or a service's name")]
    [TestCase("tcp://localhost:80/", "a port is a number from 0 to 65535, or a service's name")]
    [TestCase("tcp://localhost: 80", "a port is a number from 0 to 65535, or a service's name")]
    [TestCase("unix:", "a path is missing: write unix:PATH, or unix:@NAME")]
    [TestCase("unixgram:@", "a path is missing: write unixgram:PATH, or unixgram:@NAME")]
    [TestCase("unix:a\0b", "the path has a NUL in it", TestName = "What_is_wrong_is_reported_with_what_would_be_right(a NUL)")]
    public void What_is_wrong_is_reported_with_what_would_be_right(string text, string problem) => Assert.That(
        () => Endpoint.Parse(text),
        Throws.TypeOf<FormatException>().With.Message.StartWith($"'{text}' is not an endpoint: ").And.Message.Contains(problem));

    [Test]
    public void A_path_may_have_as_many_bytes_as_sun_path_less_its_NUL()
    {
        string longest = new('x', Endpoint.MaxPathLength);
        Assert.That(Endpoint.Parse($"unix:{longest}").Path, Is.EqualTo(longest));
        Assert.That(
            () => Endpoint.Parse($"unix:{longest}x"),
            Throws.TypeOf<FormatException>().With.Message.Contains("longer than 107 bytes"));
        Assert.That(
            () => Endpoint.Parse($"unix:{new string('ö', 54)}"),
            Throws.TypeOf<FormatException>().With.Message.Contains("longer than 107 bytes"),
            "it is bytes that count, not characters");
    }

    [Test]
    public void An_abstract_name_may_have_as_many_bytes_as_sun_path_less_its_leading_NUL()
    {
        string longest = "@" + new string('x', Endpoint.MaxPathLength);
        Assert.That(Endpoint.Parse($"unix:{longest}").Path, Is.EqualTo(longest));
        Assert.That(() => Endpoint.Parse($"unix:{longest}x"), Throws.TypeOf<FormatException>().With.Message.Contains("the name is longer than 107 bytes"));
    }

    [FsCheck.NUnit.Property]
    public void Whatever_is_read_is_written_as_it_was(byte kind, string tail)
    {
        string text = ((EndpointKind)(kind % 5)).Prefix() + (kind % 5 < 2 ? "//" : "") + tail;
        try
        {
            Assert.That(Endpoint.Parse(text).ToString(), Is.EqualTo(text));
        }
        catch (FormatException e)
        {
            Assert.That(e.Message, Does.StartWith($"'{text}' is not an endpoint: "));
        }
    }
}
