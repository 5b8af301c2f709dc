using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Calls;

/// <summary>ADD is not idempotent: however often a call is sent, its amount is added once, on every model and kind of endpoint.</summary>
[TestFixtureSource(typeof(Cells), nameof(Cells.Served))]
public sealed class ActedOnOnceTests(string model) : AllKinds(model, "--reply-cache", "16")
{
    private static uint s_xid = (uint)Random.Shared.Next();

    [Test]
    public void A_repeated_call_is_added_once_and_gets_the_same_reply() => OnEach((address, peer) =>
    {
        long sum = Counters[Counter.Sum], hits = Counters[Counter.ReplyCacheHits];
        byte[] call = RpcWire.Call(++s_xid, RpcWire.Add, RpcWire.Hyper(5));
        byte[] reply = peer.Exchange(call);
        for (int i = 0; i < 3; i++)
            Assert.That(peer.Exchange(call), Is.EqualTo(reply), address.Text);
        Assert.That(reply[24..], Is.EqualTo(RpcWire.Hyper((ulong)sum + 5)));
        Assert.That(Counters[Counter.Sum], Is.EqualTo(sum + 5));
        Assert.That(Counters[Counter.ReplyCacheHits], Is.EqualTo(hits + 3));
        peer.Null();
    });

    [Test]
    public void Repeats_that_come_in_one_write_are_added_once() => OnEach((address, peer) =>
    {
        if (!address.IsStream || Cells.RunsCallsTogether(Model))
            return;   // elsewhere a repeat may meet the first one in progress, and get no reply
        long sum = Counters[Counter.Sum];
        byte[] call = RpcWire.CallRecord(++s_xid, RpcWire.Add, RpcWire.Hyper(5));
        peer.Client.Send([.. call, .. call, .. call]);
        byte[] reply = peer.ReceiveRecord();
        Assert.That(peer.ReceiveRecord(), Is.EqualTo(reply));
        Assert.That(peer.ReceiveRecord(), Is.EqualTo(reply));
        Assert.That(Counters[Counter.Sum], Is.EqualTo(sum + 5));
    });

    [Test]
    public void A_client_that_comes_back_on_another_connection_is_known_by_its_credential()
    {
        foreach (ServerAddress address in Server.Addresses)
        {
            long sum = Counters[Counter.Sum];
            byte[] credential = RpcWire.SysCredential(stamp: 0x8123_4567, "machine");
            byte[] call = RpcWire.CallAs(++s_xid, RpcWire.Add, RpcWire.AuthSys, credential, RpcWire.Hyper(5));
            byte[] reply = Once(address, call);
            Assert.That(Once(address, call), Is.EqualTo(reply));
            Assert.That(Counters[Counter.Sum], Is.EqualTo(sum + 5));
            byte[] other = RpcWire.SysCredential(stamp: 0x8123_4568, "machine");
            Once(address, RpcWire.CallAs(s_xid, RpcWire.Add, RpcWire.AuthSys, other, RpcWire.Hyper(5)));
            Assert.That(Counters[Counter.Sum], Is.EqualTo(sum + 10), "another stamp is another client");
        }
    }

    [Test]
    public void Without_a_credential_another_client_is_another_caller()
    {
        foreach (ServerAddress address in Server.Addresses)
        {
            long sum = Counters[Counter.Sum];
            byte[] call = RpcWire.Call(++s_xid, RpcWire.Add, RpcWire.Hyper(5));
            byte[] reply = Once(address, call);
            Assert.That(Once(address, call), Is.Not.EqualTo(reply));
            Assert.That(Counters[Counter.Sum], Is.EqualTo(sum + 10));
        }
    }

    [Test]
    public void Replies_that_are_pushed_out_are_counted()
    {
        long evictions = Counters[Counter.ReplyCacheEvictions];
        OnEach((_, peer) =>
        {
            for (int i = 0; i < 17; i++)
                peer.Exchange(RpcWire.Call(++s_xid, RpcWire.Add, RpcWire.Hyper(1)));
        });
        Assert.That(Counters[Counter.ReplyCacheEvictions], Is.GreaterThan(evictions));
    }

    private static byte[] Once(ServerAddress address, byte[] call)
    {
        using RpcPeer peer = new(address);
        return peer.Exchange(call);
    }
}
