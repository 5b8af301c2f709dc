using System.Net;
using System.Net.Sockets;
using Multiplex.Rpc.Binding;
using Multiplex.Sockets;

namespace Multiplex.Tests.Rpc.Binding;

/// <summary>Look-ups of a name service that knows other machines, and its registrations of servers that are dead.</summary>
public sealed class FleetLookupTests
{
    private const uint Program = 0x2000_9990;

    private static readonly Registration s_here = new(Program, 1, "tcp", "0.0.0.0.1.1", "1000");
    private static readonly Registration[] s_elsewhere =
    [
        new(Program, 1, "tcp", "192.0.2.1.1.1", "1000@a"), new(Program, 2, "tcp", "192.0.2.2.1.1", "1000@b"), new(Program, 2, "tcp", "192.0.2.3.1.1", "1000@c"),
    ];

    [Test]
    public void This_machine_comes_first_and_the_others_take_turns()
    {
        NameService names = new(new()) { Elsewhere = () => s_elsewhere };
        Assert.That(names.Table.Set(s_here, out _), Is.True);
        Assert.That(names.All(), Is.EqualTo((Registration[])[s_here, .. s_elsewhere]));
        Assert.That(names.Find(Program, 1, "tcp"), Is.EqualTo(s_here));
        Registration?[] turns = [names.Find(Program, 2, "tcp"), names.Find(Program, 2, "tcp"), names.Find(Program, 2, "tcp")];
        Assert.That(turns[..2], Is.EquivalentTo(s_elsewhere[1..]));
        Assert.That(turns[2], Is.EqualTo(turns[0]));
        Assert.That(names.Find(Program, 3, "tcp"), Is.Null);
        Assert.That(names.FindAnyVersion(Program, 3, "tcp"), Is.EqualTo(s_here), "any version of this machine before any of another");
        Assert.That(names.FindAnyVersion(Program, 2, "tcp"), Is.AnyOf(s_elsewhere[1], s_elsewhere[2]), "the version of another machine before any of this one");
        Assert.That(names.FindAnyVersion(Program, 2, "udp"), Is.Null);
        Assert.That(new NameService(new()).FindAnyVersion(Program, 1, "tcp"), Is.Null, "there is no fleet");
    }

    [TestCase(SocketType.Stream, "127.0.0.1", "tcp")]
    [TestCase(SocketType.Dgram, "127.0.0.1", "udp")]
    [TestCase(SocketType.Stream, "::1", "tcp6")]
    [TestCase(SocketType.Dgram, "::1", "udp6")]
    [TestCase(SocketType.Stream, "path", "local")]
    public void A_server_without_a_socket_is_removed_at_the_second_look_and_one_with_a_socket_stays(SocketType type, string host, string netid)
    {
        string path = Path.Combine(Path.GetTempPath(), $"dead {Guid.NewGuid():N}");
        EndPoint address = netid == "local" ? new UnixDomainSocketEndPoint(path) : new IPEndPoint(IPAddress.Parse(host), 0);
        RegistrationTable table = new();
        DeadRegistrations dead = new(table);
        Registration registration;
        using (Socket socket = new(address.AddressFamily, type, ProtocolType.Unspecified))
        {
            socket.Bind(address);
            if (type == SocketType.Stream)
                socket.Listen();
            string uaddr = socket.LocalEndPoint is IPEndPoint bound ? $"{host}.{bound.Port >> 8}.{bound.Port & 255}" : path;
            registration = new(Program, 1, netid, uaddr, "1000");
            Assert.That(table.Set(registration, out _), Is.True);
            Assert.That(dead.Look(), Is.Empty);
            Assert.That(dead.Look(), Is.Empty);
        }

        File.Delete(path);
        Assert.That(dead.Look(), Is.Empty, "the first look that finds nothing");
        Assert.That(dead.Look(), Is.EqualTo((Registration[])[registration]));
        Assert.That(table.All, Is.Empty);
    }

    [Test]
    public void The_name_service_itself_and_transports_that_are_not_known_stay()
    {
        NameService names = new(new());
        names.RegisterItself(Endpoint.Parse("tcp://127.0.0.1:1"));
        Assert.That(names.Table.Set(s_here with { Netid = "sctp" }, out _), Is.True);
        DeadRegistrations dead = new(names.Table);
        Assert.That(dead.Look().Concat(dead.Look()), Is.Empty);
    }
}
