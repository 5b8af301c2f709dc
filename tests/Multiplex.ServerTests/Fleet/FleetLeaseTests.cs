using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Fleet;
using NUnit.Framework;

namespace Multiplex.ServerTests.Fleet;

/// <summary>What is registered under the lease of a name service ends with it.</summary>
public sealed class FleetLeaseTests
{
    [Test]
    public void A_name_service_that_is_killed_takes_its_servers_with_it_within_the_lease_and_one_that_stops_does_at_once()
    {
        using FleetNetwork fleet = new();
        fleet.StartNames("5s");
        using ServerProcess server = fleet.Serve("epoll", "--rpcbind", $"tcp://{FleetNetwork.First}:111", "--register-interval", "1h");
        Eventually.Holds(() => fleet.Servers(FleetNetwork.Second).Length == 2, "it is not found");
        fleet.Names[0].SignalAll(Signum.SIGKILL);
        fleet.AwaitServers(FleetNetwork.Second);
        using ServerProcess other = fleet.Start(
            1, "serve", "--model", "epoll", "--listen", $"tcp://{FleetNetwork.Second}:0", "--rpcbind", $"tcp://{FleetNetwork.Second}:111", "--register-interval", "1h");
        string program = $"rpc+{fleet.Etcd.Url}/multiplex";
        Eventually.Holds(() => fleet.Multiplex("call", program, "null").Status == 0, "it is not found");
        Assert.That(fleet.Names[1].Stop(), Is.Zero);
        Assert.That(fleet.MultiplexByEtcd("call", program, "null").Errors.Single(), Does.Contain("not registered in etcd"));
    }
}
