using System.Buffers.Binary;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Forking;

/// <summary>fork(2) under the .NET runtime works: thousands of children, one after another, and every call is answered.</summary>
[Parallelizable(ParallelScope.All)]
public sealed class ManyForksTests
{
    private const int Clients = 4;
    private const int Connections = 20_000;
    private const int ConnectionsWithGarbage = 4_000;

    [TestCase(0)]
    [TestCase(3)]
    public void Twenty_thousand_connections_from_four_clients_at_once_are_all_answered(int spares)
    {
        using ServerProcess server = ForkFixture.Start("rpc", "--spare", $"{spares}");
        byte[] payload = [.. Enumerable.Range(0, 200).Select(i => (byte)i)];
        FromAllClients(Connections, () =>
        {
            using RpcPeer peer = new(server.Address);
            Assert.That(peer.Echo(payload), Is.EqualTo(payload));
            peer.Add(1);
        });
        using (RpcPeer last = new(server.Address))
            Assert.That(last.Add(0), Is.EqualTo(Connections));
        AssertAllAreDone(server, Connections + 1, spares);
        Assert.That(server.FinalCount(Counter.Calls), Is.EqualTo((2 * Connections) + 1));
    }

    [Test]
    public void Children_that_allocate_and_collect_at_each_request_are_not_lost_either()
    {
        using ServerProcess server = ServerProcess.StartProgram(ServerProcess.TestServers, ["garbage"]);
        int sequence = 0;
        FromAllClients(ConnectionsWithGarbage, () =>
        {
            // The requests differ, and so does the garbage.
            byte[] request = new byte[8];
            BinaryPrimitives.WriteInt64BigEndian(request, Interlocked.Increment(ref sequence) * 7919L);
            using TestClient client = new(server.Address);
            client.Send(request);
            long first = BinaryPrimitives.ReadInt64BigEndian(client.Receive(8));
            client.Send(request);
            Assert.That(BinaryPrimitives.ReadInt64BigEndian(client.Receive(8)), Is.GreaterThan(first));
        });
        AssertAllAreDone(server, ConnectionsWithGarbage);
        Assert.That(server.FinalCount(Counter.Sum), Is.EqualTo(2 * ConnectionsWithGarbage));
    }

    private static void FromAllClients(int connections, Action converse)
    {
        Thread[] threads = new Thread[Clients];
        Exception?[] failures = new Exception?[Clients];
        for (int i = 0; i < Clients; i++)
        {
            int client = i;
            threads[i] = new(() =>
            {
                try
                {
                    for (int connection = client; connection < connections; connection += Clients)
                        converse();
                }
                catch (Exception e)
                {
                    failures[client] = e;
                }
            });
            threads[i].Start();
        }

        Array.ForEach(threads, thread => thread.Join());
        Assert.That(failures, Is.All.Null);
    }

    private static void AssertAllAreDone(ServerProcess server, int connections, int spares = 0)
    {
        ForkFixture.AwaitChildren(server, spares);
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.Processes(), Is.Empty);
        Assert.That(server.FinalCount(Counter.ChildrenMade), Is.EqualTo(connections + spares));
        Assert.That(server.FinalCount(Counter.Accepted), Is.EqualTo(connections));
        Assert.That(server.FinalCount(Counter.Closed), Is.EqualTo(connections));
        Assert.That(server.FinalCount(Counter.ChildrenLost), Is.Zero);
        Assert.That(server.FinalCount(Counter.Broken), Is.Zero);
    }
}
