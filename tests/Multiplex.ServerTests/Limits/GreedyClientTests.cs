using System.Net.Sockets;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Limits;

/// <summary>Every client is served while a few clients keep their sockets full and take the replies.</summary>
[TestFixtureSource(typeof(Cells), nameof(Cells.ManyAndForms))]
public sealed class GreedyClientTests(string model, ListenForm form)
{
    private const int Greedy = 6;

    [Test]
    public void A_quiet_client_is_answered_for_as_long_as_the_others_go_on()
    {
        using SharedCounters counters = new();
        using ServerProcess server = ServerProcess.Start(model, "rpc", form, counters.Option);
        using RpcPeer quiet = new(server.Address);
        quiet.Null();
        List<TestClient> clients = [.. Enumerable.Range(0, Greedy).Select(_ => new TestClient(server.Address))];
        byte[] calls = [.. Enumerable.Range(0, 2000).SelectMany(i => RpcWire.CallRecord((uint)i, RpcWire.Null))];
        byte[] discarded = new byte[64 * 1024];
        Thread[] threads =
        [
            .. clients.Select(client => new Thread(() => UntilItEnds(client, () => client.Send(calls)))),
            .. clients.Select(client => new Thread(() => UntilItEnds(client, () => client.Socket.Receive(discarded)))),
        ];
        Array.ForEach(threads, thread => thread.Start());
        try
        {
            counters.Await(Counter.Calls, 20_000);
            for (int i = 0; i < 20; i++)
                quiet.Null();
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
            Array.ForEach(threads, thread => thread.Join());
        }

        Assert.That(server.Stop(), Is.Zero);
    }

    // The test ends it by closing the socket.
    private static void UntilItEnds(TestClient client, Action once)
    {
        try
        {
            while (client.Socket.Connected)
                once();
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // closed
        }
    }
}
