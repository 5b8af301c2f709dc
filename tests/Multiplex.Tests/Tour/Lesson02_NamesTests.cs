using Multiplex.Sockets;
using Multiplex.Tests.Support;
using Multiplex.Tour.Lessons;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Tour;

/// <summary>The second lesson, addresses, and what goes beyond it: getaddrinfo turns names of hosts and services into addresses to try.</summary>
public class Lesson02_NamesTests : DescriptorFixture
{
    [Test]
    public void The_lesson_finds_localhost_every_interface_and_no_host()
    {
        LessonRun step = LessonRun.Of(Lesson02_Addresses.Lesson, "getaddrinfo(3) finds addresses by name");
        Assert.That(step.Errors, Is.EqualTo(new[] { ("getaddrinfo", -EAI_NONAME) }));
        Assert.That(step.Exhibits, Has.Member("{sa_family=AF_INET, sin_port=htons(4000), sin_addr=inet_addr(\"0.0.0.0\")}"));
        Assert.That(step.Exhibits[..^1], Is.Not.Empty.And.SubsetOf(new[]
        {
            "{sa_family=AF_INET, sin_port=htons(4000), sin_addr=inet_addr(\"127.0.0.1\")}", "{sa_family=AF_INET6, [::1]:4000}",
        }));
    }

    private static readonly addrinfo s_stream = new() { ai_family = AF_UNSPEC, ai_socktype = SOCK_STREAM };
    private static readonly addrinfo s_ipv4 = new() { ai_family = AF_INET, ai_socktype = SOCK_STREAM };

    [Test]
    public void A_numeric_host_and_service_are_an_address_without_a_lookup() =>
        Assert.That(Find("127.0.0.1", "4000", s_stream), Is.EqualTo(new[] { Loopback(4000) }));

    [Test]
    public void The_address_tells_its_family()
    {
        Assert.That(AddressLookup.FamilyOf(Find("127.0.0.1", "1", s_stream)[0]), Is.EqualTo(AF_INET));
        Assert.That(AddressLookup.FamilyOf(Find("::1", "1", s_stream)[0]), Is.EqualTo(AF_INET6));
    }

    [Test]
    public void Localhost_is_a_name_of_this_machine()
    {
        IReadOnlyList<byte[]> found = Find("localhost", "4000", s_stream);
        Assert.That(found, Is.Not.Empty);
        Assert.That(
            found.Select(address => AddressText.Format(EndpointKind.Tcp, address)),
            Is.SubsetOf(new[] { "tcp://127.0.0.1:4000", "tcp://[::1]:4000" }));
    }

    [Test]
    public void A_host_may_have_several_addresses_and_they_are_tried_in_order()
    {
        // No host means this machine: an address in each family, of which a server may listen on only one.
        IReadOnlyList<byte[]> found = Find(null, "4000", s_stream);
        Assert.That(
            found.Select(address => AddressText.Format(EndpointKind.Tcp, address)),
            Is.EquivalentTo(new[] { "tcp://127.0.0.1:4000", "tcp://[::1]:4000" }));
    }

    [Test]
    public void Without_a_host_AI_PASSIVE_makes_the_address_of_every_interface()
    {
        addrinfo hints = s_ipv4;
        hints.ai_flags = AI_PASSIVE;
        Assert.That(Find(null, "4000", hints), Is.EqualTo(new[] { Internet(INADDR_ANY, 4000) }));
        Assert.That(Find(null, "4000", s_ipv4), Is.EqualTo(new[] { Loopback(4000) }));
    }

    [Test]
    public void A_service_has_a_name_too()
    {
        if (!File.Exists("/etc/services"))
            Assert.Ignore("this machine has no /etc/services");
        Assert.That(Find("127.0.0.1", "http", s_stream), Is.EqualTo(new[] { Loopback(80) }));
    }

    [Test]
    public void Without_a_type_each_address_comes_once_for_each_type()
    {
        addrinfo anyType = new() { ai_family = AF_INET };
        IReadOnlyList<byte[]> found = Find("127.0.0.1", "4000", anyType);
        Assert.That(found, Has.Count.EqualTo(3), "stream, datagram and raw");
        Assert.That(found, Is.All.EqualTo(Loopback(4000)));
    }

    [Test]
    public void AI_NUMERICHOST_lets_no_name_pass_so_that_no_name_server_is_asked()
    {
        addrinfo hints = s_stream;
        hints.ai_flags = AI_NUMERICHOST;
        Assert.That(getaddrinfo("localhost", "4000", hints, out IReadOnlyList<byte[]> none), Is.EqualTo(EAI_NONAME));
        Assert.That(none, Is.Empty);
        Assert.That(Find("127.0.0.1", "4000", hints), Has.Count.EqualTo(1));
    }

    [Test]
    public void AI_NUMERICSERV_lets_no_name_of_a_service_pass()
    {
        addrinfo hints = s_stream;
        hints.ai_flags = AI_NUMERICSERV;
        Assert.That(getaddrinfo("127.0.0.1", "http", hints, out _), Is.EqualTo(EAI_NONAME));
    }

    // Two dots make the name invalid, so that no name server is asked.
    [Test]
    public void An_unknown_host_fails_with_EAI_NONAME()
    {
        Assert.That(getaddrinfo("no..host", "4000", s_stream, out _), Is.EqualTo(EAI_NONAME));
        Assert.That(gai_strerror(EAI_NONAME), Is.EqualTo("Name or service not known"));
    }

    [Test]
    public void An_unknown_service_fails_with_EAI_SERVICE() =>
        Assert.That(getaddrinfo("127.0.0.1", "no-such-service", s_stream, out _), Is.EqualTo(EAI_SERVICE));

    [Test]
    public void A_family_that_does_not_exist_fails_with_EAI_FAMILY() =>
        Assert.That(getaddrinfo("127.0.0.1", "4000", new() { ai_family = 999 }, out _), Is.EqualTo(EAI_FAMILY));

    [Test]
    public void What_it_finds_is_ready_for_bind_and_connect()
    {
        int listener = TcpSocket();
        bind(listener, Find("127.0.0.1", "0", s_ipv4)[0]).OrThrow("bind");
        listen(listener, 1).OrThrow("listen");
        string port = PortIn(NameOf(listener)).ToString(System.Globalization.CultureInfo.InvariantCulture);
        connect(TcpSocket(), Find("127.0.0.1", port, s_ipv4)[0]).OrThrow("connect");
    }

    private static IReadOnlyList<byte[]> Find(string? host, string service, addrinfo hints)
    {
        Assert.That(getaddrinfo(host, service, hints, out IReadOnlyList<byte[]> addresses), Is.Zero);
        return addresses;
    }
}
