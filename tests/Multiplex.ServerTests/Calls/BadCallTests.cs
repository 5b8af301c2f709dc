using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using NUnit.Framework;
using static Multiplex.ServerTests.Harness.RandomData;

namespace Multiplex.ServerTests.Calls;

/// <summary>Calls that cannot be carried out get the reply that the RFC demands, on every model and kind of endpoint, and the next call is answered.</summary>
[TestFixtureSource(typeof(Cells), nameof(Cells.Served))]
public sealed class BadCallTests(string model) : AllKinds(model)
{
    private const uint Xid = 77;

    private static readonly byte[] s_rpcMismatch = [.. RpcWire.UInt(Xid), .. Words(1, 1, 0, 2, 2)];
    private static readonly byte[] s_garbageArguments = [.. RpcWire.UInt(Xid), .. Words(1, 0, 0, 0, 4)];

    private static readonly (string Name, byte[] Call, byte[] Reply)[] s_calls =
    [
        ("RPC version 1", WithRpcVersion(1), s_rpcMismatch),
        ("RPC version 3", WithRpcVersion(3), s_rpcMismatch),
        ("An unknown flavor", RpcWire.CallAs(Xid, RpcWire.Null, flavor: 300_000, [1, 2, 3]), AuthError(2)),
        ("Sixteen groups", RpcWire.CallAs(Xid, RpcWire.Null, RpcWire.AuthSys, RpcWire.SysCredential(1, "m", groups: 16)), [.. RpcWire.UInt(Xid), .. Words(1, 0, 0, 0, 0)]),
        ("Seventeen groups", RpcWire.CallAs(Xid, RpcWire.Null, RpcWire.AuthSys, RpcWire.SysCredential(1, "m", groups: 17)), AuthError(1)),
        ("A machine name of 4 GiB", RpcWire.CallAs(Xid, RpcWire.Null, RpcWire.AuthSys, Words(1, uint.MaxValue, 0, 0, 0)), AuthError(1)),
        ("A billion groups", RpcWire.CallAs(Xid, RpcWire.Null, RpcWire.AuthSys, Words(1, 0, 0, 0, 1 << 30)), AuthError(1)),
        ("A credential of 4 GiB", [.. RpcWire.Call(Xid, RpcWire.Null)[..24], .. Words(1, uint.MaxValue, 0, 0)], AuthError(1)),
        ("A verifier of 4 GiB", [.. RpcWire.Call(Xid, RpcWire.Null)[..32], .. Words(0, uint.MaxValue)], AuthError(3)),
        ("Data of 4 GiB", RpcWire.Call(Xid, RpcWire.Echo, Words(uint.MaxValue, 1)), s_garbageArguments),
        ("Data of 1 MiB that is not there", RpcWire.Call(Xid, RpcWire.Echo, Words(1 << 20, 1)), s_garbageArguments),
        ("Trailing bytes", RpcWire.Call(Xid, RpcWire.Echo, [.. RpcWire.Opaque([1, 2, 3]), 0, 0, 0, 0]), s_garbageArguments),
        ("One trailing byte", RpcWire.Call(Xid, RpcWire.Null, 1), s_garbageArguments),
        ("Half an argument", RpcWire.Call(Xid, RpcWire.Add, Words(1)), s_garbageArguments),
    ];

    [Test]
    public void Each_gets_its_answer_and_costs_nothing() => OnEach((address, peer) =>
    {
        const long Allowed = 16 << 20;   // of the gigabytes that they declare
        peer.Null();
        long before = Server.ResidentBytes();
        for (int round = 0; round < 3; round++)
        {
            foreach ((string name, byte[] call, byte[] reply) in s_calls)
                Assert.That(peer.Exchange(call), Is.EqualTo(reply), $"{name} to {address}");
        }

        Assert.That(Server.ResidentBytes() - before, Is.LessThan(Allowed));
        peer.Null();
    });

    [Test]
    public void A_record_of_513_fragments_of_2_KiB_is_a_call()
    {
        const int Fragments = 513, Length = 2048;
        OnEach((address, peer) =>
        {
            if (!address.IsStream)
                return;

            // The longest payload fills 512 fragments and a part of the last. A payload that fills the last too is received, but too long to be accepted.
            byte[] argument = RpcWire.Opaque(RandomBytes(1 << 20));
            byte[] record = RpcWire.Fragments(RpcWire.Call(Xid, RpcWire.Echo, argument), Length);
            Assert.That(record, Has.Length.EqualTo(44 + (1 << 20) + (4 * Fragments)));
            peer.Client.Send(record);
            Assert.That(peer.Finish(Xid).AsSpan().SequenceEqual(argument), Is.True);
            byte[] full = RpcWire.Call(Xid, RpcWire.Echo, RpcWire.Opaque(new byte[(Fragments * Length) - 44]));
            peer.Client.Send(RpcWire.Fragments(full, Length));
            Assert.That(peer.ReceiveRecord(), Is.EqualTo(s_garbageArguments));
            peer.Null();
        });
    }

    [Test]
    public void A_datagram_too_short_to_be_a_call_gets_no_reply_and_the_next_is_answered() => OnEach((address, peer) =>
    {
        if (!address.Kind.IsDatagram())
            return;
        long before = Counters[Counter.ProtocolErrors];
        foreach (int length in (int[])[3, 0, 1, 4, 11, 39])
            peer.Client.Socket.Send(RpcWire.Call(Xid, RpcWire.Null)[..length]);
        Assert.That(peer.Echo([1, 2, 3]), Is.EqualTo((byte[])[1, 2, 3]));
        Counters.Await(Counter.ProtocolErrors, before + 6);
    });

    private static byte[] WithRpcVersion(uint version) => [.. RpcWire.UInt(Xid), .. Words(0, version, RpcWire.Program, 1, 0, 0, 0, 0, 0)];

    private static byte[] AuthError(uint why) => [.. RpcWire.UInt(Xid), .. Words(1, 1, 1, why)];

    private static byte[] Words(params uint[] words) => [.. words.SelectMany(RpcWire.UInt)];
}
