using System.Diagnostics;
using System.Net;
using Multiplex.Engine;
using Multiplex.Sockets;
using Multiplex.Sockets.Networks;

namespace Multiplex.Tests.Engine;

/// <summary>How many connections a client has, and the limits that change while a server runs.</summary>
public sealed class ConnectionsByAddressTests
{
    private const long Hour = 3600L * 1_000_000_000;

    [TestCase("192.0.2.1", "192.0.2.1", true)]
    [TestCase("192.0.2.1", "192.0.2.2", false)]
    [TestCase("192.0.2.1", "::ffff:192.0.2.1", true)]
    [TestCase("2001:db8::1", "2001:db8::ffff:1", true)]
    [TestCase("2001:db8::1", "2001:db8:0:1::1", false)]
    public void A_client_is_an_address_or_the_first_half_of_one(string one, string other, bool isSame)
    {
        ConnectionsByAddress clients = new(new() { MaxConnectionsPerAddress = 1 });
        Assert.That(clients.TryEnter(Peer(one), out ushort place), Is.True);
        Assert.That(clients.TryEnter(Peer(other), out ushort otherPlace), Is.EqualTo(!isSame));
        Assert.That(otherPlace == 0, Is.EqualTo(isSame));
        clients.Leave(ref place);
        Assert.That(place, Is.Zero);
        Assert.That(clients.TryEnter(Peer(one), out _), Is.True);
    }

    [Test]
    public void Many_clients_have_their_connections_each()
    {
        const int Clients = 20_000, Each = 3;
        ConnectionsByAddress clients = new(new() { MaxConnectionsPerAddress = Each });
        ushort[] places = new ushort[Clients * Each];
        for (int i = 0; i < places.Length; i++)
            Assert.That(clients.TryEnter(Peer($"10.0.{i % Clients / 250}.{i % Clients % 250}"), out places[i]), Is.True);
        for (int client = 0; client < Clients; client++)
            Assert.That(clients.TryEnter(Peer($"10.0.{client / 250}.{client % 250}"), out _), Is.False);
        for (int i = 0; i < places.Length; i++)
            clients.Leave(ref places[i]);
        Assert.That(clients.TryEnter(Peer("10.0.0.0"), out _), Is.True);
    }

    [Test]
    public void A_client_makes_so_many_calls_in_a_second_over_all_its_connections()
    {
        const int Rate = 10;
        const long Second = 1_000_000_000, Now = 77 * Second;
        ConnectionsByAddress clients = new(new() { MaxCallsPerSecond = Rate });
        Assert.That(clients.TryEnter(Peer("192.0.2.1"), out ushort one) && clients.TryEnter(Peer("192.0.2.1"), out ushort same) && one == same, Is.True);
        Assert.That(clients.TryEnter(Peer("192.0.2.2"), out ushort other), Is.True);
        Assert.That((clients.CallsAllowed(one, Now, out ushort wait), (int)wait), Is.EqualTo((Rate, 0)));
        clients.Charge(one, Now, Rate - 1);
        Assert.That((clients.CallsAllowed(one, Now, out wait), (int)wait), Is.EqualTo((1, 0)));
        clients.Charge(one, Now, 1);
        Assert.That((clients.CallsAllowed(one, Now, out wait), (int)wait), Is.EqualTo((0, 1000 / Rate)));
        Assert.That((clients.CallsAllowed(one, Now + (Second / Rate), out wait), (int)wait), Is.EqualTo((1, 0)));
        Assert.That(clients.CallsAllowed(other, Now, out _), Is.EqualTo(Rate), "another client has its own");
        Assert.That(clients.CallsAllowed(one, Now + (5 * Second), out _), Is.EqualTo(Rate), "no more than those of a second are saved");
        Assert.That(clients.CallsAllowed(0, Now, out _), Is.EqualTo(int.MaxValue));

        // Threads that answered at the same time: it waits longer, and is not refused for ever.
        clients.Charge(one, Now, 100 * Rate);
        Assert.That((clients.CallsAllowed(one, Now, out wait), (int)wait), Is.EqualTo((0, 1000)));
        Assert.That(clients.CallsAllowed(one, Now + (102 * Second), out _), Is.EqualTo(Rate));
    }

    [Test]
    public void A_client_that_connects_again_is_not_another()
    {
        long now = Stopwatch.GetTimestamp();
        ConnectionsByAddress clients = new(new() { MaxCallsPerSecond = 1 });
        Assert.That(clients.TryCall(Peer("192.0.2.1"), now + Hour), Is.True, "a datagram");
        Assert.That(clients.TryCall(Peer("192.0.2.1"), now + Hour), Is.False);
        Assert.That(clients.TryCall(Peer("192.0.2.2"), now + Hour), Is.True);
        for (int i = 0; i < 3; i++)
        {
            Assert.That(clients.TryEnter(Peer("192.0.2.1"), out ushort place), Is.True);
            Assert.That(clients.CallsAllowed(place, now + Hour, out _), Is.Zero);
            clients.Leave(ref place);
        }

        Assert.That(clients.TryCall(Peer("192.0.2.1"), now + Hour + Hour), Is.True);
    }

    [Test]
    public void To_count_calls_allocates_nothing()
    {
        ConnectionsByAddress clients = new(new() { MaxCallsPerSecond = 1_000_000 });
        Peer client = Peer("192.0.2.1");
        clients.TryEnter(client, out ushort place);
        long before = 0;
        for (int i = 0; i < 2; i++)
        {
            before = GC.GetAllocatedBytesForCurrentThread();
            clients.CallsAllowed(place, i, out _);
            clients.Charge(place, i, 1);
            clients.TryCall(client, i);
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread(), Is.EqualTo(before));
    }

    [Test]
    public void Limits_change_in_place_and_only_where_they_may()
    {
        ServerOptions options = new ServerOptions { MaxConnections = 10, IdleTimeout = TimeSpan.FromSeconds(1), Denied = PeerNetworks.Parse("192.0.2.1") }.Changeable(), same = options with { Workers = 3 };
        Assert.That((options.MaxConnections, options.IdleTimeout, options.Admits(Peer("192.0.2.1")), options.Admits(Peer("192.0.2.2"))), Is.EqualTo((10, TimeSpan.FromSeconds(1), false, true)));
        options.Change(new() { MaxConnections = 20, RequestTimeout = TimeSpan.FromSeconds(2), DrainTime = TimeSpan.FromSeconds(3), MaxCallsPerSecond = 7, MaxPendingOutput = 5, MaxConnectionsPerAddress = 6, Allowed = PeerNetworks.Parse("192.0.2.1,unix") });
        foreach (ServerOptions one in (ServerOptions[])[options, same])
        {
            Assert.That((one.MaxConnections, one.IdleTimeout, one.RequestTimeout), Is.EqualTo((20, new ServerOptions().IdleTimeout, TimeSpan.FromSeconds(2))));
            Assert.That((one.MaxPendingOutput, one.MaxConnectionsPerAddress, one.MaxCallsPerSecond, one.DrainTime), Is.EqualTo((5, 6, 7, TimeSpan.FromSeconds(3))));
            Assert.That((one.Admits(Peer("192.0.2.1")), one.Admits(Peer("192.0.2.2")), one.Admits(new Peer(EndpointKind.Unix, []))), Is.EqualTo((true, false, true)));
        }

        Assert.That(() => new ServerOptions().Change(new()), Throws.InvalidOperationException);
        Assert.That(
            () => options.Change(new() { Denied = PeerNetworks.Parse(string.Join(',', Enumerable.Repeat("2001:db8::/32", ServerOptions.MostBytesOfNetworks / 13))) }), Throws.TypeOf<NotSupportedException>());
        Assert.That(options.MaxConnections, Is.EqualTo(20));
    }

    private static Peer Peer(string host)
    {
        IPAddress address = IPAddress.Parse(host);
        byte[] bytes = address.GetAddressBytes();
        return bytes.Length == 4
            ? new(EndpointKind.Tcp, (byte[])[2, 0, 1, 1, .. bytes, .. new byte[8]])
            : new(EndpointKind.Tcp, (byte[])[10, 0, 1, 1, 0, 0, 0, 0, .. bytes, .. new byte[4]]);
    }
}
