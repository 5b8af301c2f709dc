using System.Buffers.Binary;
using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using Multiplex.TestServers;
using NUnit.Framework;

namespace Multiplex.ServerTests.Contract;

/// <summary>Two servers that share a store of replies, on every model that does not fork and every kind of endpoint.</summary>
[ModelSource(typeof(Cells), nameof(Cells.ModelsThatAwait))]
public class StoreContractTests(string model)
{
    private const uint Hold = 3, Note = 5;

    [Test]
    public async Task A_call_that_is_repeated_to_another_server_is_run_once()
    {
        MemoryReplyStore store = new();
        await using WaitingHere one = await StartAsync(store), other = await StartAsync(store);
        for (int i = 0; i < one.Server.Endpoints.Count; i++)
        {
            Endpoint endpoint = one.Server.Endpoints[i];
            uint xid = (uint)(2 * i) + 1, key = (uint)i;
            byte[] call = Call(xid, Hold, RpcWire.UInt(key));
            using RpcPeer peer = new(new ServerAddress(endpoint)), elsewhere = new(new ServerAddress(other.Server.Endpoints[i]));
            peer.Send(call);
            Eventually.Holds(() => one.Waiting.Held == i + 1, $"the call over {endpoint} runs");
            elsewhere.Send(call);
            Eventually.Holds(() => other.Count(Counter.StoreDrops) == i + 1, "the repeat is dropped");
            Assert.That(elsewhere.Exchange(Call(xid + 1, 0))[..4], Is.EqualTo(RpcWire.UInt(xid + 1)), "it got no reply, and the connection goes on");
            await one.Waiting.ReleaseAsync(key);
            byte[] reply = peer.ReceiveRecord();
            Assert.That(reply, Is.EqualTo((byte[])[.. RpcWire.UInt(xid), 0, 0, 0, 1, .. new byte[16], .. RpcWire.UInt((uint)i + 1)]), $"over {endpoint}");
            Assert.That(elsewhere.Exchange(call), Is.EqualTo(reply), $"over {endpoint}");
            Assert.That(peer.Exchange(call), Is.EqualTo(reply), $"over {endpoint}");
        }

        Assert.That((other.Waiting.Held, one.Count(Counter.StoreClaims), other.Count(Counter.StoreClaims)), Is.EqualTo((0, (long)one.Server.Endpoints.Count, 0L)));
        one.AwaitInFlight(0);
        other.AwaitInFlight(0);
    }

    [Test]
    public async Task A_one_way_call_is_run_once_too()
    {
        MemoryReplyStore store = new();
        await using WaitingHere one = await StartAsync(store), other = await StartAsync(store);
        using RpcPeer peer = new(new ServerAddress(one.Server.Endpoints[0])), elsewhere = new(new ServerAddress(other.Server.Endpoints[0]));
        byte[] call = Call(1, Note, RpcWire.UInt(5));
        peer.Send(call);
        Eventually.Holds(() => one.Waiting.Counts()[0] == 5, "it is run");
        Eventually.Holds(() => one.Count(Counter.CallsInFlight) == 0, "it is recorded");
        elsewhere.Send(call);
        Eventually.Holds(() => other.Count(Counter.StoreHits) == 1, "the repeat is known");
        Assert.That(other.Waiting.Counts()[0], Is.Zero);
    }

    [Test]
    public async Task While_the_store_is_down_only_idempotent_calls_are_run()
    {
        MemoryReplyStore store = new() { IsDown = true };
        await using WaitingHere here = await StartAsync(store);
        await using RpcClient client = await here.ConnectAsync(options: new() { Authentication = RpcAuthentication.Sys(), Timeout = Eventually.Deadline });
        IWaiting waiting = client.Create<IWaiting>();
        Assert.That(await waiting.GreetAsync("you"), Is.EqualTo("Hello, you!"));
        RpcRefusedException? refused = await Assert.CatchAsync<RpcRefusedException>(async () => await waiting.ReleaseAsync(1));
        Assert.That(refused!.Name, Is.EqualTo("SYSTEM_ERR"));
        store.IsDown = false;
        await waiting.ReleaseAsync(1);
        Assert.That(await waiting.HoldAsync(1), Is.EqualTo(1));
    }

    private Task<WaitingHere> StartAsync(MemoryReplyStore store) => WaitingHere.StartAsync(
        model,
        options => options.ReplyStore = store,
        [.. Cells.FormsOf(model).DistinctBy(form => form.Kind()).Select(form => form.NewEndpoint())]);

    // Of the contract IWaiting, by a client that would be known again.
    private static byte[] Call(uint xid, uint procedure, params byte[] arguments)
    {
        byte[] call = RpcWire.CallAs(xid, procedure, RpcWire.AuthSys, RpcWire.SysCredential(0x8000_0001, "client"), arguments);
        BinaryPrimitives.WriteUInt32BigEndian(call.AsSpan(12), WaitingV1.Program);
        return call;
    }
}
