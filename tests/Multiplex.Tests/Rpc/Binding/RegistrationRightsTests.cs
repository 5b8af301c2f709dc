using Multiplex.Rpc.Binding;
using Multiplex.Sockets;

namespace Multiplex.Tests.Rpc.Binding;

/// <summary>Which callers may register programs, and which registrations each may remove.</summary>
public class RegistrationRightsTests : NameServiceFixture
{
    private static readonly byte[] s_ipv6Loopback = [10, 0, 0xC8, 0x22, 0, 0, 0, 0, .. new byte[15], 1, 0, 0, 0, 0];
    private static readonly byte[] s_ipv6Elsewhere = [10, 0, 0xC8, 0x22, 0, 0, 0, 0, 0x20, 1, 0x0D, 0xB8, .. new byte[11], 1, 0, 0, 0, 0];
    private static readonly byte[] s_mappedLoopback = [10, 0, 0xC8, 0x22, 0, 0, 0, 0, .. new byte[10], 0xFF, 0xFF, 127, 0, 0, 1, 0, 0, 0, 0];
    private static readonly byte[] s_mappedElsewhere = [10, 0, 0xC8, 0x22, 0, 0, 0, 0, .. new byte[10], 0xFF, 0xFF, 192, 0, 2, 1, 0, 0, 0, 0];

    private static readonly object[][] s_local =
        [[EndpointKind.Tcp, Loopback], [EndpointKind.Udp, Loopback], [EndpointKind.Tcp, s_ipv6Loopback], [EndpointKind.Udp, s_mappedLoopback], [EndpointKind.Unix, (byte[])[1, 0]]];

    private static readonly object[][] s_remote =
        [[EndpointKind.Tcp, Elsewhere], [EndpointKind.Udp, Elsewhere], [EndpointKind.Tcp, s_ipv6Elsewhere], [EndpointKind.Udp, s_mappedElsewhere]];

    [TestCaseSource(nameof(s_local))]
    public void A_local_caller_registers(EndpointKind kind, byte[] from)
    {
        Assert.That(Ask(2, 1, Words(Program, 1, 6, 4000), from, kind), Is.EqualTo(Words(1)));
        Assert.That(Ask(4, 1, Rpcb(Program, 1, "udp", "127.0.0.1.0.9"), from, kind), Is.EqualTo(Words(1)));
        Assert.That(Ask(4, 2, Rpcb(Program, 1, "udp"), from, kind), Is.EqualTo(Words(1)));
        Assert.That(Ask(2, 2, Words(Program, 1, 6, 0), from, kind), Is.EqualTo(Words(1)));
    }

    [TestCaseSource(nameof(s_remote))]
    public void A_remote_caller_may_ask_and_not_register(EndpointKind kind, byte[] from)
    {
        Ask(4, 1, Rpcb(Program, 1, "tcp", "0.0.0.0.0.9"));
        Assert.That(Ask(2, 1, Words(Program, 1, 17, 4000), from, kind), Is.EqualTo(Words(0)));
        Assert.That(Ask(4, 1, Rpcb(Program, 1, "udp", "127.0.0.1.0.9"), from, kind), Is.EqualTo(Words(0)));
        Assert.That(Ask(3, 2, Rpcb(Program, 1, "tcp"), from, kind), Is.EqualTo(Words(0)));
        Assert.That(Ask(2, 2, Words(Program, 1, 6, 0), from, kind), Is.EqualTo(Words(0)));
        Assert.That(Service.Table.All, Has.Count.EqualTo(1));
        Assert.That(Ask(2, 3, Words(Program, 1, 6, 0), from, kind), Is.EqualTo(Words(9)));
        Assert.That(Ask(4, 3, Rpcb(Program, 1, "tcp", "192.0.2.7.0.111"), from, kind), Is.EqualTo(Text("192.0.2.7.0.9")));
    }

    [Test]
    public void By_a_UNIX_domain_socket_the_kernel_names_the_owner_and_so_which_user_may_remove_it()
    {
        Assert.That(Ask(4, 1, Rpcb(Program, 1, "tcp", "127.0.0.1.0.1", "a lie"), kind: EndpointKind.Unix), Is.EqualTo(Words(1)));
        Assert.That(Ask(4, 1, Rpcb(Program, 1, "udp", "127.0.0.1.0.1", "a lie"), kind: EndpointKind.Tcp), Is.EqualTo(Words(1)));
        Assert.That(Service.Table.All.Select(one => one.Owner), Is.EqualTo((string[])["1000", "unknown"]));
        User = 1001;
        Assert.That(Ask(4, 2, Rpcb(Program, 1, ""), kind: EndpointKind.Unix), Is.EqualTo(Words(0)), "another user");
        Assert.That(Ask(2, 2, Words(Program, 1, 6, 0), kind: EndpointKind.Tcp), Is.EqualTo(Words(0)), "an unknown caller removes its own");
        Assert.That(Service.Table.All.Select(one => one.Owner), Is.EqualTo((string[])["1000"]));
        User = 0;
        Assert.That(Ask(4, 2, Rpcb(Program, 1, "tcp"), kind: EndpointKind.Unix), Is.EqualTo(Words(1)), "the superuser");
    }

    [TestCase(EndpointKind.Tcp)]
    [TestCase(EndpointKind.Udp)]
    public void What_comes_over_loopback_from_a_reserved_port_is_the_superusers(EndpointKind kind)
    {
        byte[] reserved = [.. Loopback[..2], 3, 0xFF, .. Loopback[4..]], remote = [.. Elsewhere[..2], 3, 0xFF, .. Elsewhere[4..]];
        Assert.That(Ask(2, 1, Words(Program, 1, 6, 4000), reserved, kind), Is.EqualTo(Words(1)));
        Assert.That(Service.Table.All.Single().Owner, Is.EqualTo(RegistrationTable.Superuser));
        User = 65_534;
        Assert.That(Ask(2, 2, Words(Program, 1, 6, 0), Loopback, kind), Is.EqualTo(Words(0)), "an ordinary port");
        Assert.That(Ask(4, 2, Rpcb(Program, 1, ""), kind: EndpointKind.Unix), Is.EqualTo(Words(0)), "another user");
        Assert.That(Ask(2, 2, Words(Program, 1, 6, 0), remote, kind), Is.EqualTo(Words(0)), "a reserved port of another machine");
        Assert.That(Service.Table.All, Has.Count.EqualTo(1));
        Assert.That(Ask(2, 2, Words(Program, 1, 6, 0), reserved, kind), Is.EqualTo(Words(1)));
    }

    [Test]
    public void Where_any_process_may_bind_a_low_port_that_says_nothing()
    {
        NameService service = new(new()) { FirstUnprivilegedPort = 0 };
        byte[] reserved = [.. Loopback[..2], 3, 0xFF, .. Loopback[4..]];
        RpcCall call = new(1, NameService.Program, 4, 1, new Peer(EndpointKind.Tcp, reserved));
        Assert.That(service.Set(call, new(Program, 1, "tcp", "127.0.0.1.0.9", "")), Is.True);
        Assert.That(service.Table.All.Single().Owner, Is.EqualTo("unknown"));
    }

    [Test]
    public void Each_owner_has_a_share_of_the_table_and_the_superuser_a_reserve()
    {
        using ServerCounters counters = new();
        Serve(new() { Total = 16 }, amplification: 1);   // 4 an owner, 2 reserved
        Protocol.Open(counters);
        foreach (uint user in (uint[])[1000, 1001, 1002, 1003])
        {
            User = user;
            for (uint version = 1; version <= 5; version++)
            {
                bool fits = version <= (user == 1003 ? 2 : 4);
                Assert.That(Ask(4, 1, Rpcb(user, version, "tcp", "127.0.0.1.0.9"), kind: EndpointKind.Unix), Is.EqualTo(Words(fits ? 1u : 0)), $"{user} {version}");
            }
        }

        Assert.That(counters[Counter.RegistrationsRefused], Is.EqualTo(1 + 1 + 1 + 3));
        User = 0;
        for (uint version = 1; version <= 3; version++)
            Assert.That(Ask(4, 1, Rpcb(Program, version, "tcp", "127.0.0.1.0.9"), kind: EndpointKind.Unix), Is.EqualTo(Words(version <= 2 ? 1u : 0)));
        User = 1000;
        Assert.That(Ask(4, 2, Rpcb(1000, 1, ""), kind: EndpointKind.Unix), Is.EqualTo(Words(1)));
        Assert.That(Ask(4, 1, Rpcb(1000, 6, "tcp", "127.0.0.1.0.9"), kind: EndpointKind.Unix), Is.EqualTo(Words(1)), "there is room again");
    }

    [Test]
    public void A_registration_goes_with_its_owner_or_the_superuser_only()
    {
        RegistrationTable table = new();
        Assert.That(table.Set(new(Program, 1, "tcp", "127.0.0.1.0.1", "1000"), out _), Is.True);
        Assert.That(table.Set(new(Program, 1, "udp", "127.0.0.1.0.1", "1001"), out _), Is.True);
        Assert.That(table.Unset(Program, 1, ["tcp"], "1001"), Is.False);
        Assert.That(table.Unset(Program, 1, ["tcp", "udp"], "1000"), Is.False, "one of the two is another's");
        Assert.That(table.All.Select(one => one.Netid), Is.EqualTo((string[])["udp"]));
        Assert.That(table.Unset(Program, 1, ["tcp", "udp"], RegistrationTable.Superuser), Is.True);
        Assert.That(table.All, Is.Empty);
    }
}
