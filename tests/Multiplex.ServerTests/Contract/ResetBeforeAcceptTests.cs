using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Contract;

/// <summary>
/// If a client resets its connection before it is accepted, its address is still known, or it is not served: if calls were run without an address,
/// their repeats over the next connection would count as calls of another caller, and be run again.
/// </summary>
[TestFixtureSource(typeof(Cells), nameof(Cells.Served))]
public sealed class ResetBeforeAcceptTests(string model)
{
    private const int Clients = 20;

    [Test]
    public void Its_calls_are_known_again_when_it_comes_back()
    {
        using SharedCounters counters = new();
        using ServerProcess server = ServerProcess.Start(model, "rpc", ListenForm.Tcp, [.. counters.Option, "--workers", "1"]);
        using (RpcPeer busy = new(server.Address))
        {
            uint sleep = busy.Begin(RpcWire.Sleep, RpcWire.UInt(500));
            counters.Await(Counter.Calls, 1);
            for (uint i = 0; i < Clients; i++)
            {
                using TestClient client = new(server.Address);
                client.Send(RpcWire.Record(Add(i)));
                client.Vanish();
            }

            busy.Finish(sleep);
        }

        Eventually.Holds(
            () => counters[Counter.Accepted] + counters[Counter.Refused] == 1 + Clients && counters[Counter.Accepted] == counters[Counter.Closed],
            () => $"Accepted={counters[Counter.Accepted]} Refused={counters[Counter.Refused]} Closed={counters[Counter.Closed]}");
        using RpcPeer again = new(server.Address);
        for (uint i = 0; i < Clients; i++)
            again.Exchange(Add(i));
        Assert.That(counters[Counter.Sum], Is.EqualTo(Clients));
    }

    private static byte[] Add(uint call) => RpcWire.CallAs(
        7000 + call, RpcWire.Add, RpcWire.AuthSys, RpcWire.SysCredential(stamp: 0x8123_abcd, "machine"), RpcWire.Hyper(1));
}
