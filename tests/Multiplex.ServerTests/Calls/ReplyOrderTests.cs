using System.Buffers.Binary;
using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Calls;

/// <summary>
/// The replies of one connection are sent in the order of its calls, on every model and every kind of connection, unless an option of the server asks
/// for another: clients of libtirpc rely on it.
/// </summary>
[TestFixtureSource(nameof(Fixtures))]
public sealed class ReplyOrderTests(string model, ListenForm form)
{
    public static IEnumerable<TestFixtureData> Fixtures => Cells.ModelsAndForms.Concat(Cells.ModelsAndMessageForms.Where(
        data => !((ListenForm)data.Arguments[1]!).Kind().IsDatagram()));

    [Test]
    public void Replies_leave_in_the_order_of_the_calls_however_long_each_takes()
    {
        using ServerProcess server = ServerProcess.Start(model, "rpc", form);
        using RpcPeer peer = new(server.Address);
        uint[] calls = [.. ((uint[])[300, 0, 100, 0, 0, 20, 0]).Select(time => peer.Begin(RpcWire.Sleep, RpcWire.UInt(time)))];
        foreach (uint call in calls)
            peer.Finish(call);
        Assert.That(peer.Arrived, Is.EqualTo(calls));

        // And where requests come in one piece, with replies of all lengths.
        uint[] lengths = [0, 200_000, 1, 100_000, 64 * 1024, 0, 5];
        uint first = peer.Begin(RpcWire.Sleep, RpcWire.UInt(100));
        uint[] echoes = [.. lengths.Select(length => peer.Begin(RpcWire.Echo, RpcWire.Opaque(new byte[length])))];
        foreach (uint echo in echoes)
            peer.Finish(echo);
        Assert.That(peer.Arrived.Skip(calls.Length), Is.EqualTo((uint[])[first, .. echoes]));
        Assert.That(server.Stop(), Is.Zero);
    }

    [Test]
    public void A_call_that_gets_no_reply_holds_up_none_of_those_behind_it()
    {
        using ServerProcess server = ServerProcess.Start(model, "rpc", form, "--workers", "4");
        using RpcPeer peer = new(server.Address);
        const uint Add = 5, Last = 6;
        byte[] add = RpcWire.Call(Add, RpcWire.Add, RpcWire.Hyper(1)), last = RpcWire.Call(Last, RpcWire.Null);
        foreach (byte[] call in (byte[][])[add, add, add, last])   // a repeat of a call in progress gets no reply
            peer.Client.Send(server.Address.IsStream ? RpcWire.Record(call) : call);
        List<uint> arrived = [];
        while (arrived.LastOrDefault() != Last)
            arrived.Add(BinaryPrimitives.ReadUInt32BigEndian(peer.ReceiveRecord()));
        Assert.That(arrived.SkipLast(1), Is.Not.Empty.And.All.EqualTo(Add));
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.Sum), Is.EqualTo(1));
    }
}
