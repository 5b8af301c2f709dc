using System.Net.Sockets;
using Multiplex.Models;
using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Limits;

/// <summary>A client with a connection is served during a flood of datagrams, on every model that serves both at a time.</summary>
[TestFixtureSource(nameof(ModelsThatServeBoth))]
public sealed class FloodTests(string model)
{
    public static IEnumerable<string> ModelsThatServeBoth => ServerModelCatalog.All.Where(entry => entry.Kinds.Contains(EndpointKind.Udp) && !entry.OneAtATime).Select(entry => entry.Name);

    [Test]
    public void A_quiet_client_is_answered_for_as_long_as_datagrams_come()
    {
        using SharedCounters counters = new();
        using ServerProcess server = ServerProcess.Start(model, "rpc", [ListenForm.Tcp.NewEndpoint(), ListenForm.Udp.NewEndpoint()], counters.Option);
        using RpcPeer quiet = new(server.Addresses[0]);
        quiet.Null();
        using RpcPeer flood = new(server.Addresses[1]);
        flood.Client.Socket.Blocking = false;
        byte[] call = RpcWire.Call(1, RpcWire.Null);
        bool isOver = false;
        Thread thread = new(() =>
        {
            while (!Volatile.Read(ref isOver))
                flood.Client.Socket.Send(call, SocketFlags.None, out _);   // what does not fit is lost
        });
        thread.Start();
        try
        {
            counters.Await(Counter.Datagrams, 10_000);
            for (int i = 0; i < 20; i++)
                quiet.Null();
        }
        finally
        {
            Volatile.Write(ref isOver, true);
            thread.Join();
        }

        Assert.That(server.Stop(), Is.Zero);
    }
}
