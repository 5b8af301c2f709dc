using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Contract;

/// <summary>Every model has the kernel probe silent connections, so that the connection of a peer that vanished without FIN or RST is closed at last.</summary>
public sealed class LostPeerTests
{
    [TestCaseSource(typeof(Cells), nameof(Cells.Models))]
    public void Silent_connections_are_probed_unless_that_is_turned_off(string model)
    {
        foreach (string[] options in (string[][])[[], ["--keepalive", "5s"], ["--keepalive", "0"]])
        {
            using ServerProcess server = ServerProcess.Start(model, "rpc", ["tcp://127.0.0.1:0"], options);
            using RpcPeer peer = new(server.Address);
            peer.Null();
            string port = Endpoint.Parse(server.Address.Text).Port;
            bool probes = options is not [.., "0"];
            Eventually.Holds(
                () => TcpTable.All().Any(one => one.LocalPort == port && one.IsEstablished && one.Timer == (probes ? TcpEntry.KeepAliveTimer : 0)),
                () => $"{string.Join(' ', options)}: {string.Join(' ', TcpTable.All().Where(one => one.LocalPort == port))}");
        }
    }
}
