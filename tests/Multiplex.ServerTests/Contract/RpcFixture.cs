using System.Text;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;
using static Multiplex.ServerTests.Harness.RandomData;

namespace Multiplex.ServerTests.Contract;

/// <summary>The calls of <c>multiplex.x</c>, over any kind of endpoint.</summary>
public abstract class RpcFixture(string model, ListenForm form) : SharedServer(model, "rpc", form)
{
    [Test]
    public void Every_procedure_answers()
    {
        using RpcPeer peer = Connect();
        peer.Null();
        Assert.That(peer.Echo([1, 2, 3, 4, 5]), Is.EqualTo((byte[])[1, 2, 3, 4, 5]));
        Assert.That(peer.Echo([]), Is.Empty);
        Assert.That(peer.Sleep(1), Is.EqualTo(1));
        Assert.That(peer.Burn(100), Is.Positive);
        Assert.That(peer.Add(5), Is.GreaterThanOrEqualTo(5));
        Assert.That(peer.Whoami().Served, Is.GreaterThanOrEqualTo(7));
    }

    [Test]
    public void An_unknown_procedure_has_its_own_reply_and_the_connection_goes_on()
    {
        using RpcPeer peer = Connect();
        uint call = peer.Begin(procedure: 1000);
        Assert.That(peer.ReceiveRecord(), Is.EqualTo((byte[])[.. RpcWire.UInt(call), 0, 0, 0, 1, .. new byte[12], 0, 0, 0, 3]), "PROC_UNAVAIL");
        peer.Null();
    }

    [Test]
    [SeveralClients]
    public void Add_is_one_counter_for_all_clients()
    {
        const int Clients = 8, Calls = 50;
        using RpcPeer observer = Connect();
        ulong before = observer.Add(0);
        ulong[][] seen = new ulong[Clients][];
        Parallel.For(0, Clients, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i =>
        {
            using RpcPeer peer = Connect();
            seen[i] = [.. Enumerable.Range(0, Calls).Select(_ => peer.Add(1))];
        });
        Assert.That(observer.Add(0), Is.EqualTo(before + (Clients * Calls)));
        Assert.That(seen.SelectMany(values => values), Is.Unique);
        foreach (ulong[] values in seen)
            Assert.That(values, Is.Ordered);
    }

    private protected virtual RpcPeer Connect() => new(Server.Address);
}

/// <summary>The same over a stream, which may split a message anywhere.</summary>
public abstract class RpcStreamFixture(string model, ListenForm form) : RpcFixture(model, form)
{
    private protected const int MaxPayload = 1 << 20;

    [Test]
    public void Pipelined_calls_in_one_write_are_all_answered()
    {
        byte[][] payloads = [.. Enumerable.Range(0, 400).Select(RandomBytes)];
        byte[] calls = [.. payloads.SelectMany((payload, i) => RpcWire.CallRecord((uint)i, RpcWire.Echo, RpcWire.Opaque(payload)))];
        using RpcPeer peer = Connect();
        peer.Client.Send(calls);
        for (int i = 0; i < payloads.Length; i++)
            Assert.That(peer.Finish((uint)i), Is.EqualTo(RpcWire.Opaque(payloads[i])));
        Assert.That(peer.Arrived, Is.Ordered);
    }

    [Test]
    public void Pipelined_calls_with_large_replies_are_all_answered()
    {
        const int Calls = 60;
        byte[] argument = RpcWire.Opaque(RandomBytes(200_000));
        using RpcPeer peer = Connect();
        Task sending = Task.Run(() =>
        {
            for (uint i = 0; i < Calls; i++)
                peer.Client.Send(RpcWire.CallRecord(i, RpcWire.Echo, argument));
        });
        for (uint i = 0; i < Calls; i++)
            Assert.That(peer.Finish(i).AsSpan().SequenceEqual(argument), Is.True, $"reply {i}");
        sending.GetAwaiter().GetResult();
    }

    [Test]
    public void A_call_split_into_single_bytes_is_answered()
    {
        byte[] argument = RpcWire.Opaque(Encoding.ASCII.GetBytes("slowly"));
        using RpcPeer peer = Connect();
        foreach (byte one in RpcWire.CallRecord(7, RpcWire.Echo, argument))
            peer.Client.Send([one]);
        Assert.That(peer.Finish(7), Is.EqualTo(argument));
    }

    [Test]
    public void The_longest_payload_comes_back()
    {
        byte[] payload = RandomBytes(MaxPayload);
        using RpcPeer peer = Connect();
        Assert.That(peer.Echo(payload).AsSpan().SequenceEqual(payload), Is.True);
    }
}
