using System.Net.Sockets;
using Multiplex.ServerTests.Contract;
using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using NUnit.Framework;
using static Multiplex.ServerTests.Harness.RandomData;

namespace Multiplex.ServerTests.Messages;

/// <summary>ONC RPC where message boundaries are kept, datagrams and seqpacket: each message is a call, without record marking.</summary>
[ModelSource(typeof(Cells), nameof(Cells.ModelsAndMessageForms))]
public sealed class MessageContractTests(string model, ListenForm form) : RpcFixture(model, form)
{
    private const int LongestUdpPayload = 65_507 - 44;   // a datagram less the head of a call

    [Test]
    public void Calls_under_way_at_the_same_time_are_each_answered()
    {
        const int AtOnce = 8;   // a UNIX-domain datagram socket has room for ten: net.unix.max_dgram_qlen
        using RpcPeer peer = new(Server.Address);
        for (int round = 0; round < 30; round++)
        {
            byte[][] payloads = [.. Enumerable.Range(0, AtOnce).Select(i => RandomBytes((round * AtOnce) + i))];
            uint[] calls = [.. payloads.Select(payload => peer.Begin(RpcWire.Echo, RpcWire.Opaque(payload)))];
            foreach ((uint call, byte[] payload) in calls.Zip(payloads))
                Assert.That(peer.Finish(call), Is.EqualTo(RpcWire.Opaque(payload)));
        }

        // The order of datagrams is not guaranteed: several reactors may take them from one queue.
        if (!Server.Address.Kind.IsDatagram())
            Assert.That(peer.Arrived, Is.Ordered);
    }

    [TestCase(1000)]
    [TestCase(16_384)]
    [TestCase(LongestUdpPayload)]
    public void A_long_payload_comes_back_in_one_message(int length)
    {
        byte[] payload = RandomBytes(length & ~3);
        using RpcPeer peer = new(Server.Address);
        Assert.That(peer.Echo(payload).AsSpan().SequenceEqual(payload), Is.True);
    }

    [Test]
    public void Whoami_tells_the_peer_as_the_client_knows_itself()
    {
        using RpcPeer peer = new(Server.Address);
        string expected = Server.Address.IsInternet
            ? $"{Server.Address.Kind.Prefix()}//{peer.Client.Local}"
            : $"{Server.Address.Kind.Prefix()}{peer.Client.Local?.ToString()?.Replace('\0', '@')}";
        Assert.That(peer.Whoami().Peer, Is.EqualTo(expected));
    }

    [Test]
    [SeveralClients]
    public void Clients_do_not_get_each_others_replies()
    {
        List<RpcPeer> peers = [.. Enumerable.Range(0, 20).Select(_ => new RpcPeer(Server.Address))];
        try
        {
            // Senders of UNIX-domain datagrams wait for room at the server; those of other sockets have theirs queued in the kernel.
            byte[][] payloads = [.. peers.Select(_ => RandomBytes(64))];
            uint[] calls = [.. peers.Zip(payloads, (peer, payload) => peer.Begin(RpcWire.Echo, RpcWire.Opaque(payload)))];
            for (int i = 0; i < peers.Count; i++)
                Assert.That(peers[i].Finish(calls[i]), Is.EqualTo(RpcWire.Opaque(payloads[i])));
        }
        finally
        {
            peers.ForEach(peer => peer.Dispose());
        }
    }

    [Test]
    [SeveralClients]
    public void A_client_that_never_reads_does_not_hold_others_up()
    {
        using ServerProcess server = ServerProcess.Start(Model, "rpc", Form);
        using RpcPeer greedy = new(server.Address);
        byte[] call = RpcWire.Call(1, RpcWire.Echo, RpcWire.Opaque(new byte[8000]));
        greedy.Client.Socket.Blocking = false;
        for (int i = 0; i < 2000; i++)
        {
            // Where datagrams can be lost, some will be; where they cannot, the server stops reading from this client.
            greedy.Client.Socket.Send(call, SocketFlags.None, out SocketError error);
            Assert.That(error, Is.AnyOf(SocketError.Success, SocketError.WouldBlock));
        }

        using RpcPeer steady = new(server.Address);
        for (int i = 0; i < 20; i++)
            CallAgainUntilAnswered(steady);
        greedy.Dispose();
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.Processes(), Is.Empty);
    }

    // Calls NULL. Where datagrams can be lost, again each second, as a client does: the server's socket may be full of another client's.
    private void CallAgainUntilAnswered(RpcPeer peer)
    {
        const int Second = 1_000_000;   // microseconds
        if (!Form.Kind().IsDatagram())
        {
            peer.Null();
            return;
        }

        List<byte[]> awaited = [];
        Eventually.Holds(IsAnswered, "no call is answered");

        bool IsAnswered()
        {
            awaited.Add([.. RpcWire.UInt(peer.Begin(RpcWire.Null)), 0, 0, 0, 1, .. new byte[16]]);
            while (peer.Client.Socket.Poll(Second, SelectMode.SelectRead))
            {
                // Any other reply is late: the call before was answered twice.
                byte[] reply = peer.ReceiveRecord();
                if (awaited.Any(one => one.AsSpan().SequenceEqual(reply)))
                    return true;
            }

            return false;
        }
    }
}
