using System.Net.Sockets;
using System.Text;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;
using static Multiplex.ServerTests.Harness.RandomData;

namespace Multiplex.ServerTests.Contract;

/// <summary>ONC RPC on every model and every kind of stream.</summary>
[ModelSource(typeof(Cells), nameof(Cells.ModelsAndForms))]
public sealed class RpcContractTests(string model, ListenForm form) : RpcStreamFixture(model, form)
{
    [Test]
    public void A_client_that_half_closes_gets_every_reply()
    {
        byte[] argument = RpcWire.Opaque(RandomBytes(200_000));
        using RpcPeer peer = new(Server.Address);
        Task sending = Task.Run(() =>
        {
            for (uint i = 0; i < 20; i++)
                peer.Client.Send(RpcWire.CallRecord(i, RpcWire.Echo, argument));
            peer.Client.EndWriting();
        });
        for (uint i = 0; i < 20; i++)
            Assert.That(peer.Finish(i).AsSpan().SequenceEqual(argument), Is.True, $"reply {i}");
        sending.GetAwaiter().GetResult();
        Assert.That(peer.Client.ReceiveToEnd(), Is.Empty);
    }

    [TestCase(1, 5000)]
    [TestCase(3, 5000)]
    [TestCase(1000, MaxPayload)]
    public void A_record_in_many_fragments_is_put_together(int fragmentLength, int payloadLength)
    {
        byte[] argument = RpcWire.Opaque(RandomBytes(payloadLength));
        using RpcPeer peer = new(Server.Address);
        peer.Client.Send(RpcWire.Fragments(RpcWire.Call(9, RpcWire.Echo, argument), fragmentLength));
        Assert.That(peer.Finish(9).AsSpan().SequenceEqual(argument), Is.True);
    }

    [Test]
    public void A_call_without_an_end_is_dropped_when_the_peer_half_closes()
    {
        using RpcPeer peer = new(Server.Address);
        uint whole = peer.Begin(RpcWire.Null);
        peer.Client.Send(RpcWire.CallRecord(99, RpcWire.Null).AsSpan(0, 20));
        peer.Client.EndWriting();
        Assert.That(peer.Finish(whole), Is.Empty);
        Assert.That(peer.Client.ReceiveUntilClosedOrReset(), Is.Empty);
    }

    [Test]
    public void Whoami_tells_the_peer_as_the_client_knows_itself()
    {
        using RpcPeer peer = new(Server.Address);
        Assert.That(peer.Whoami().Peer, Is.EqualTo(Server.Address.IsInternet ? $"tcp://{peer.Client.Local}" : "unix:"));
    }

    [Test]
    public void A_client_that_bound_a_name_is_called_by_it()
    {
        if (Server.Address.IsInternet)
            Assert.Pass("a TCP client always has an address");
        string name = $"multiplex-client-{Guid.NewGuid():N}";
        using Socket socket = Server.Address.NewSocket();
        socket.Bind(new UnixDomainSocketEndPoint($"\0{name}"));
        socket.Connect(Server.Address.EndPoint);
        socket.Send(RpcWire.CallRecord(1, RpcWire.Whoami));
        byte[] reply = new byte[1024];
        int length = socket.Receive(reply);
        Assert.That(Encoding.ASCII.GetString(reply, 0, length), Does.Contain($"unix:@{name}"));
    }

    [Test]
    [SeveralClients]
    public void Served_counts_the_calls_of_all_connections()
    {
        using RpcPeer first = new(Server.Address), second = new(Server.Address);
        ulong before = first.Whoami().Served;
        second.Null();
        second.Add(1);
        Assert.That(second.Whoami().Served, Is.EqualTo(before + 3));
        Assert.That(first.Whoami().Served, Is.EqualTo(before + 4));
    }

    [Test]
    [SeveralClients]
    public void Whoami_says_which_process_answered()
    {
        using RpcPeer one = new(Server.Address), other = new(Server.Address);
        uint first = one.Whoami().Process, second = other.Whoami().Process;
        Assert.That(one.Whoami().Process, Is.EqualTo(first));
        if (Cells.Forks(Model))
        {
            Assert.That(second, Is.Not.EqualTo(first));
            Assert.That(Server.Children().Select(child => (uint)child.Id), Is.SupersetOf((uint[])[first, second]));
        }
        else
        {
            Assert.That((uint[])[first, second], Is.All.EqualTo((uint)Server.Id));
            Assert.That(Server.Children(), Is.Empty);
        }
    }
}
