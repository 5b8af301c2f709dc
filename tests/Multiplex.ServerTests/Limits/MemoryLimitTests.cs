using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Limits;

/// <summary>The limit on the memory of all connections together, on every model: the largest are closed, and other clients are served as before.</summary>
[TestFixtureSource(typeof(Cells), nameof(Cells.ModelsThatServeMany))]
public sealed class MemoryLimitTests(string model)
{
    private const int Greedy = 24;
    private const long Limit = 8 << 20;

    [Test]
    public void Half_requests_that_pass_the_limit_are_closed_the_largest_first() => CloseTheLargest(
        greedy => greedy.Client.Send(RpcWire.Record(RpcWire.Call(1, RpcWire.Echo, RpcWire.Opaque(new byte[1 << 20]))).AsSpan(0, 1 << 20)));

    [Test]
    public void Replies_that_are_not_read_are_closed_the_largest_first() => CloseTheLargest(
        greedy => greedy.Begin(RpcWire.Echo, RpcWire.Opaque(new byte[1 << 20])));

    [Test]
    public void Without_an_option_half_of_the_memory_that_there_is_is_the_limit()
    {
        const long Memory = 200 << 20;
        const int Clients = 120;
        using SharedCounters counters = new();
        using ServerProcess server = ServerProcess.StartProgram(
            "/usr/bin/env",
            [
                $"DOTNET_GCHeapHardLimit={Memory:x}", ServerProcess.Command, "serve", "--model", model, "--protocol", "rpc",
                "--listen", ListenForm.UnixPath.NewEndpoint(), "--workers", $"{Clients + 2}", "--max-children", $"{Clients + 2}", .. counters.Option,
            ]);
        using RpcPeer honest = new(server.Address);
        honest.Null();
        RpcPeer[] greedy = [.. Enumerable.Range(0, Clients).Select(_ => new RpcPeer(server.Address))];
        byte[] half = RpcWire.Record(RpcWire.Call(1, RpcWire.Echo, RpcWire.Opaque(new byte[1 << 20])))[..(1 << 20)];
        foreach (RpcPeer peer in greedy)
            BeGreedy(peer, one => one.Client.Send(half));
        counters.Await(Counter.MemoryClosed, 1);
        Eventually.Holds(() => counters[Counter.HeldBytes] <= Memory / 2, () => $"HeldBytes is {counters[Counter.HeldBytes]}");
        honest.Null();
        Array.ForEach(greedy, peer => peer.Dispose());
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.ChildrenLost), Is.Zero);
    }

    private void CloseTheLargest(Action<RpcPeer> beGreedy)
    {
        // Over a UNIX-domain socket, whose buffers are small.
        using SharedCounters counters = new();
        using ServerProcess server = ServerProcess.Start(
            model, "rpc", ListenForm.UnixPath, [.. counters.Option, "--max-memory", $"{Limit}", "--workers", "32", "--max-children", "32"]);
        using RpcPeer honest = new(server.Address), half = new(server.Address);
        honest.Null();
        byte[] call = RpcWire.Record(RpcWire.Call(7, RpcWire.Echo, RpcWire.Opaque(new byte[100_000])));
        half.Client.Send(call.AsSpan(0, 90_000));

        RpcPeer[] greedy = [.. Enumerable.Range(0, Greedy).Select(_ => new RpcPeer(server.Address))];
        foreach (RpcPeer peer in greedy)
            BeGreedy(peer, beGreedy);
        counters.Await(Counter.MemoryClosed, 1);
        Eventually.Holds(() => counters[Counter.HeldBytes] <= Limit, () => $"HeldBytes is {counters[Counter.HeldBytes]}");
        honest.Null();
        half.Client.Send(call.AsSpan(90_000));
        Assert.That(half.Finish(7), Has.Length.EqualTo(100_004), "a small one is not closed for the large ones");

        Array.ForEach(greedy, peer => peer.Dispose());
        Eventually.Holds(() => counters[Counter.HeldBytes] == 0, () => $"HeldBytes is {counters[Counter.HeldBytes]} without connections");
        honest.Null();
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.ChildrenLost), Is.Zero);
    }

    // A client whose connection is closed while it sends gets an error.
    private static void BeGreedy(RpcPeer peer, Action<RpcPeer> beGreedy)
    {
        try
        {
            beGreedy(peer);
        }
        catch (System.Net.Sockets.SocketException)
        {
            // Closed, as some of them have to be.
        }
    }
}
