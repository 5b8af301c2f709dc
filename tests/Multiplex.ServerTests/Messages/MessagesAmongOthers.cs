using System.Net.Sockets;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;
using static Multiplex.ServerTests.Harness.RandomData;

namespace Multiplex.ServerTests.Messages;

/// <summary>Messages with boundaries, from several clients at once: each has its own replies, and is in nobody's way.</summary>
[TestFixtureSource(typeof(Cells), nameof(Cells.ManyAndMessageForms))]
public sealed class MessagesAmongOthers(string model, ListenForm form) : SharedServer(model, "rpc", form)
{
    [Test]
    public void Clients_do_not_get_each_others_replies()
    {
        List<RpcPeer> peers = [.. Enumerable.Range(0, 20).Select(_ => new RpcPeer(Server.Address))];
        try
        {
            // UNIX-domain datagrams wait for room at the server; the others' wait in the kernel.
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
    public void Add_is_one_counter_for_all_clients()
    {
        const int Clients = 4, Calls = 50;
        using RpcPeer observer = new(Server.Address);
        ulong before = observer.Add(0);
        ulong[][] seen = new ulong[Clients][];
        Parallel.For(0, Clients, i =>
        {
            using RpcPeer peer = new(Server.Address);
            seen[i] = [.. Enumerable.Range(0, Calls).Select(_ => peer.Add(1))];
        });
        Assert.That(observer.Add(0), Is.EqualTo(before + (Clients * Calls)));
        Assert.That(seen.SelectMany(values => values), Is.Unique);
    }

    [Test]
    public void A_client_that_never_reads_does_not_hold_others_up()
    {
        using ServerProcess server = ServerProcess.Start(Model, "rpc", Form);
        using RpcPeer greedy = new(server.Address);
        byte[] call = RpcWire.Call(1, RpcWire.Echo, RpcWire.Opaque(new byte[8000]));
        greedy.Client.Socket.Blocking = false;
        for (int i = 0; i < 2000; i++)
        {
            // Where datagrams may be lost some will be; where they may not, the server stops reading from this one.
            greedy.Client.Socket.Send(call, SocketFlags.None, out SocketError error);
            Assert.That(error, Is.AnyOf(SocketError.Success, SocketError.WouldBlock));
        }

        using RpcPeer steady = new(server.Address);
        for (int i = 0; i < 20; i++)
            steady.Null();
        greedy.Dispose();
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.Processes(), Is.Empty);
    }
}
