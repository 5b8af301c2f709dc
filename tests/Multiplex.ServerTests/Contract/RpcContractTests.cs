using System.Net.Sockets;
using System.Text;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;
using static Multiplex.ServerTests.Harness.RandomData;

namespace Multiplex.ServerTests.Contract;

/// <summary>ONC RPC on every model and every kind of stream.</summary>
[ModelSource(typeof(Cells), nameof(Cells.ModelsAndForms))]
public sealed class RpcContractTests(string model, ListenForm form) : SharedServer(model, "rpc", form)
{
    private const int MaxPayload = 1 << 20;

    [Test]
    public void Every_procedure_answers()
    {
        using RpcPeer peer = new(Server.Address);
        peer.Null();
        Assert.That(peer.Echo([1, 2, 3, 4, 5]), Is.EqualTo((byte[])[1, 2, 3, 4, 5]));
        Assert.That(peer.Echo([]), Is.Empty);
        Assert.That(peer.Sleep(1), Is.EqualTo(1));
        Assert.That(peer.Burn(100), Is.Positive);
        Assert.That(peer.Add(5), Is.GreaterThanOrEqualTo(5));
        Assert.That(peer.Whoami().Served, Is.GreaterThanOrEqualTo(7));
    }

    [Test]
    public void Pipelined_calls_in_one_write_are_all_answered()
    {
        byte[][] payloads = [.. Enumerable.Range(0, 400).Select(RandomBytes)];
        byte[] calls = [.. payloads.SelectMany((payload, i) => RpcWire.CallRecord((uint)i, RpcWire.Echo, RpcWire.Opaque(payload)))];
        using RpcPeer peer = new(Server.Address);
        peer.Client.Send(calls);
        for (int i = 0; i < payloads.Length; i++)
            Assert.That(peer.Finish((uint)i), Is.EqualTo(RpcWire.Opaque(payloads[i])));
        Assert.That(peer.Arrived, Is.Ordered);
    }

    [Test]
    public void Pipelined_calls_with_large_replies_are_all_answered()
    {
        byte[] argument = RpcWire.Opaque(RandomBytes(200_000));
        using RpcPeer peer = new(Server.Address);
        Task sending = Task.Run(() =>
        {
            for (uint i = 0; i < 60; i++)
                peer.Client.Send(RpcWire.CallRecord(i, RpcWire.Echo, argument));
            peer.Client.EndWriting();
        });
        for (uint i = 0; i < 60; i++)
            Assert.That(peer.Finish(i).AsSpan().SequenceEqual(argument), Is.True, $"reply {i}");
        sending.GetAwaiter().GetResult();
        Assert.That(peer.Client.ReceiveToEnd(), Is.Empty);
    }

    [Test]
    public void A_call_split_into_single_bytes_is_answered()
    {
        using RpcPeer peer = new(Server.Address);
        foreach (byte one in RpcWire.CallRecord(7, RpcWire.Echo, RpcWire.Opaque(Encoding.ASCII.GetBytes("slowly"))))
            peer.Client.Send([one]);
        Assert.That(peer.Finish(7), Is.EqualTo(RpcWire.Opaque(Encoding.ASCII.GetBytes("slowly"))));
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
    public void The_longest_payload_comes_back()
    {
        byte[] payload = RandomBytes(MaxPayload);
        using RpcPeer peer = new(Server.Address);
        Assert.That(peer.Echo(payload).AsSpan().SequenceEqual(payload), Is.True);
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
    public void An_unknown_procedure_has_its_own_reply_and_the_connection_goes_on()
    {
        using RpcPeer peer = new(Server.Address);
        peer.Client.Send(RpcWire.CallRecord(5, 1000));
        Assert.That(peer.ReceiveRecord(), Is.EqualTo((byte[])[0, 0, 0, 5, 0, 0, 0, 1, .. new byte[12], 0, 0, 0, 3]), "PROC_UNAVAIL");
        peer.Null();
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
    public void Add_is_one_counter_for_all_connections()
    {
        const int Connections = 8, Calls = 50;
        using RpcPeer observer = new(Server.Address);
        ulong before = observer.Add(0);
        ulong[][] seen = new ulong[Connections][];
        Parallel.For(0, Connections, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i =>
        {
            using RpcPeer peer = new(Server.Address);
            seen[i] = [.. Enumerable.Range(0, Calls).Select(_ => peer.Add(1))];
        });
        Assert.That(observer.Add(0), Is.EqualTo(before + (Connections * Calls)));
        Assert.That(seen.SelectMany(values => values), Is.Unique);
        foreach (ulong[] values in seen)
            Assert.That(values, Is.Ordered);
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
