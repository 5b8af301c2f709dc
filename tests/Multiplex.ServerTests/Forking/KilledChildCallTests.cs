using System.Buffers.Binary;
using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Forking;

/// <summary>
/// A call that must not be run twice is in progress in one process while its client repeats it through another process. The two share
/// what is known of the call, and nothing is lost when one is killed.
/// </summary>
public sealed class KilledChildCallTests
{
    private const uint SlowAdd = 1, WhichProcess = 2, Xid = 4711;
    private const uint ForEver = 600_000;

    [TestCase("fork")]
    [TestCase("prefork")]
    public void A_repeat_is_dropped_while_the_call_is_in_progress_and_fails_once_its_process_is_killed(string model)
    {
        using SharedCounters counters = new();
        using ServerProcess server = ServerProcess.StartProgram(
            ServerProcess.TestServers, ["slow", model, counters.Path]);
        using RpcPeer first = new(server.Address), second = new(server.Address);
        uint process = BinaryPrimitives.ReadUInt32BigEndian(first.Exchange(Call(1, WhichProcess)).AsSpan(24));
        first.Client.Send(RpcWire.Record(Call(Xid, SlowAdd, ForEver)));
        counters.Await(Counter.Calls, 2);

        // The client takes its connection for lost, and repeats the call over another.
        second.Client.Send(RpcWire.Record(Call(Xid, SlowAdd, ForEver)));
        counters.Await(Counter.ReplyCacheDrops, 1);
        Assert.That(second.Exchange(Call(Xid + 1, SlowAdd, 0))[24..], Is.EqualTo(RpcWire.Hyper(1)), "the connection goes on");

        ServerProcess.Signal((int)process, Signum.SIGKILL);
        ForkFixture.AwaitGone((int)process);
        byte[] systemError = [.. RpcWire.UInt(Xid), 0, 0, 0, 1, .. new byte[12], 0, 0, 0, 5];
        for (int i = 0; i < 2; i++)
            Assert.That(second.Exchange(Call(Xid, SlowAdd, ForEver)), Is.EqualTo(systemError));
        using RpcPeer third = new(server.Address);
        Assert.That(third.Exchange(Call(Xid + 2, SlowAdd, 0))[24..], Is.EqualTo(RpcWire.Hyper(2)), "no lock is left behind");
        Assert.That(third.Exchange(Call(Xid + 1, SlowAdd, 0))[24..], Is.EqualTo(RpcWire.Hyper(1)), "another process knows what was answered");
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.ReplyCacheHits), Is.EqualTo(3));
        Assert.That(server.FinalCount(Counter.ReplyCacheDrops), Is.EqualTo(1));
    }

    // With AUTH_SYS, so that one client is known on several connections.
    private static byte[] Call(uint xid, uint procedure, uint milliseconds = 0)
    {
        byte[] arguments = procedure == SlowAdd ? [.. RpcWire.UInt(milliseconds), .. RpcWire.Hyper(1)] : [];
        byte[] call = RpcWire.CallAs(xid, procedure, RpcWire.AuthSys, RpcWire.SysCredential(0x8000_0001, "machine"), arguments);
        BinaryPrimitives.WriteUInt32BigEndian(call.AsSpan(12), 0x2000_4544);
        return call;
    }
}
