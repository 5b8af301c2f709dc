using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Contract;

/// <summary>How a server ends that serves several clients at once.</summary>
[TestFixtureSource(typeof(StopAmongOthers), nameof(Fixtures))]
public sealed class StopAmongOthers(string model, ListenForm form)
{
    public static IEnumerable<TestFixtureData> Fixtures => StopContractTests.FixturesOf(Cells.ServedToMany);

    [Test]
    public void Idle_connections_do_not_hold_it_up()
    {
        using ServerProcess server = ServerProcess.Start(model, "rpc", form, StopContractTests.LongDrain);
        List<RpcPeer> peers = [.. Enumerable.Range(0, 20).Select(_ => new RpcPeer(server.Address))];
        try
        {
            peers.ForEach(peer => peer.Null());
            Assert.That(server.Stop(), Is.Zero);
            foreach (RpcPeer peer in peers)
                Assert.That(peer.Client.ReceiveToEnd(), Is.Empty, "an end, not a reset");
            Assert.That(server.FinalCount(Counter.CutOff), Is.Zero);
            StopContractTests.AssertNothingIsLeft(server);
        }
        finally
        {
            peers.ForEach(peer => peer.Dispose());
        }
    }
}
