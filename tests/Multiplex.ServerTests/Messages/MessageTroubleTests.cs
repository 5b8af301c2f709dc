using System.Net;
using System.Net.Sockets;
using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Messages;

/// <summary>Failures where message boundaries are kept, and how a server stops there.</summary>
[TestFixtureSource(typeof(Cells), nameof(Cells.ModelsAndMessageForms))]
public sealed class MessageTroubleTests(string model, ListenForm form)
{
    private static readonly byte[][] s_garbage =
    [
        [1], [.. Enumerable.Repeat((byte)0xff, 2000)], "GET / HTTP/1.1\r\n\r\n"u8.ToArray(), RpcWire.Call(1, RpcWire.Null)[..30], [0, 0, 0, 1, 0, 0, 0, 1, .. new byte[16]],
    ];

    private bool IsDatagram => form.Kind().IsDatagram();

    [Test]
    public void Garbage_is_counted_and_gets_no_reply_and_disturbs_no_client()
    {
        using SharedCounters counters = new();
        using ServerProcess server = Start("rpc", counters.Option);
        foreach (byte[] garbage in s_garbage)
        {
            long before = counters[Counter.ProtocolErrors];
            using (RpcPeer hostile = new(server.Address))
            {
                hostile.Client.Send(garbage);
                counters.Await(Counter.ProtocolErrors, before + 1);
                if (IsDatagram)
                    hostile.Null();   // it has no pending reply, and is not disconnected
                else
                    Assert.That(hostile.Client.ReceiveUntilClosedOrReset(), Is.Empty);
            }

            using RpcPeer next = new(server.Address);
            next.Null();
        }

        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.ProtocolErrors), Is.EqualTo(s_garbage.Length));
        AssertNothingIsLeft(server);
    }

    [Test]
    public void Echo_keeps_every_boundary()
    {
        using ServerProcess server = Start("echo");
        using TestClient client = new(server.Address);
        foreach (int length in (int[])[1, 2, 3, 1000, 1, 60_000, 7])
        {
            byte[] message = [.. Enumerable.Range(0, length).Select(i => (byte)(i + length))];
            client.Send(message);
            Assert.That(client.ReceiveMessage(), Is.EqualTo(message));
        }

        client.Dispose();
        Assert.That(server.Stop(), Is.Zero);
    }

    [Test]
    public void Calls_that_have_arrived_are_answered_before_the_end()
    {
        using SharedCounters counters = new();
        using ServerProcess server = Start("rpc", [.. counters.Option, "--drain", "10m"]);
        using RpcPeer peer = new(server.Address);
        uint sleep = peer.Begin(RpcWire.Sleep, RpcWire.UInt(500));
        uint add = peer.Begin(RpcWire.Add, RpcWire.Hyper(3));
        counters.Await(Counter.Calls, 1);
        server.Signal(Signum.SIGTERM);
        Assert.That(peer.Finish(sleep), Is.EqualTo(RpcWire.UInt(500)));
        Assert.That(peer.Finish(add), Is.EqualTo(RpcWire.Hyper(3)));
        Assert.That(server.WaitForExit(), Is.Zero);
        AssertNothingIsLeft(server);
    }

    [Test]
    public void However_many_calls_have_arrived_all_are_answered_before_the_end()
    {
        const int Most = 4000;
        using SharedCounters counters = new();
        using ServerProcess server = Start("rpc", [.. counters.Option, "--drain", "10m"]);
        using RpcPeer peer = new(server.Address);
        peer.Begin(RpcWire.Sleep, RpcWire.UInt(1000));
        counters.Await(Counter.Calls, 1);
        int sent = 0;
        peer.Client.Socket.Blocking = false;
        while (sent < Most)
        {
            peer.Client.Socket.Send(RpcWire.Call((uint)(1_000_000 + sent), RpcWire.Add, RpcWire.Hyper(1)), SocketFlags.None, out SocketError error);
            if (error != SocketError.Success)
                break;
            sent++;
        }

        peer.Client.Socket.Blocking = true;
        Assert.That(sent, Is.GreaterThan(8));
        server.Signal(Signum.SIGTERM);
        if (!IsDatagram)
        {
            // The reply to SLEEP, and one to each other call; then end of file, without a reset before it.
            for (int i = 0; i <= sent; i++)
                Assert.That(peer.Client.ReceiveMessage(), Is.Not.Empty);
        }

        Assert.That(server.WaitForExit(), Is.Zero);
        Assert.That(server.FinalCount(Counter.Sum) + server.FinalCount(Counter.DatagramsDropped), Is.EqualTo(sent), "dropped is what hybrid has no room for");
    }

    [Test]
    public void A_reply_leaves_before_a_long_call_that_came_after_it()
    {
        using SharedCounters counters = new();
        using ServerProcess server = Start("rpc", counters.Option);
        using RpcPeer peer = new(server.Address);

        // Both wait while another call runs.
        uint first = peer.Begin(RpcWire.Sleep, RpcWire.UInt(300));
        counters.Await(Counter.Calls, 1);
        uint quick = peer.Begin(RpcWire.Null);
        uint slow = peer.Begin(RpcWire.Sleep, RpcWire.UInt(10_000));
        peer.Finish(quick);
        peer.Finish(first);
        Assert.That(peer.Arrived, Does.Not.Contain(slow));
        Assert.That(peer.Client.Socket.Available, Is.Zero, "the long call is in progress");
    }

    [Test]
    public void Clients_that_vanish_with_calls_under_way_disturb_no_other()
    {
        using ServerProcess server = Start("rpc");
        for (int i = 0; i < 30; i++)
        {
            using RpcPeer vanishing = new(server.Address);
            vanishing.Begin(RpcWire.Echo, RpcWire.Opaque(new byte[5000]));
        }

        using (RpcPeer steady = new(server.Address))
            Assert.That(steady.Add(1), Is.EqualTo(1));
        Assert.That(server.Stop(), Is.Zero);
    }

    [Test]
    public void A_peer_that_half_closes_still_gets_every_reply()
    {
        if (IsDatagram)
            Assert.Pass("a datagram socket has no connection to close");
        using ServerProcess server = Start("rpc");
        using RpcPeer peer = new(server.Address);
        uint[] calls = [.. Enumerable.Range(0, 20).Select(i => peer.Begin(RpcWire.Echo, RpcWire.Opaque(new byte[i * 100])))];
        peer.Client.EndWriting();
        foreach (uint call in calls)
            peer.Finish(call);
        Assert.That(peer.Client.ReceiveToEnd(), Is.Empty);
        Assert.That(server.Stop(), Is.Zero);
    }

    [Test]
    public void An_empty_datagram_is_no_call_and_ends_nothing()
    {
        if (!IsDatagram)
            Assert.Pass("to a connection an empty message looks like its end");
        using ServerProcess server = Start("rpc");
        using RpcPeer peer = new(server.Address);
        peer.Client.Socket.Send(Array.Empty<byte>());
        peer.Null();
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.ProtocolErrors), Is.EqualTo(1));
    }

    [Test]
    public void A_sender_without_a_name_is_served_and_its_reply_counted_as_dropped()
    {
        if (form != ListenForm.UnixGram)
            Assert.Pass("the kernel gives every other client an address, or a connection");
        using SharedCounters counters = new();
        using ServerProcess server = Start("rpc", counters.Option);
        using Socket nameless = server.Address.NewSocket();
        nameless.Connect(server.Address.EndPoint);
        nameless.Send(RpcWire.Call(1, RpcWire.Add, RpcWire.Hyper(7)));
        counters.Await(Counter.RepliesDropped, 1);
        using (RpcPeer peer = new(server.Address))
            Assert.That(peer.Add(0), Is.EqualTo(7));
        Assert.That(server.Stop(), Is.Zero);
    }

    [Test]
    public void On_every_interface_a_reply_leaves_from_the_address_that_was_called()
    {
        if (form != ListenForm.Udp)
            Assert.Pass("it concerns UDP over IPv4, where loopback has many addresses");
        using ServerProcess server = ServerProcess.Start(model, "rpc", ["udp://*:0"]);
        using Socket client = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 30_000 };
        client.Connect(IPAddress.Parse("127.0.0.77"), server.Address.Port);
        client.Send(RpcWire.Call(1, RpcWire.Null));
        Assert.That(client.Receive(new byte[100]), Is.EqualTo(24));
        Assert.That(server.Stop(), Is.Zero);
    }

    private ServerProcess Start(string protocol, params string[] options) => ServerProcess.Start(model, protocol, form, options);

    private static void AssertNothingIsLeft(ServerProcess server)
    {
        Eventually.Holds(() => server.Processes().Count == 0, () => $"left: {string.Join(' ', server.Processes())}");
        if (server.Address.FilePath is { } path)
            Assert.That(File.Exists(path), Is.False, path);
    }
}
