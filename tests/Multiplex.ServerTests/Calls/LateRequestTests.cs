using System.Net.Sockets;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Calls;

/// <summary>How long a request may take to arrive, on every model and kind of stream.</summary>
[TestFixtureSource(typeof(Cells), nameof(Cells.ModelsAndForms))]
public sealed class LateRequestTests(string model, ListenForm form)
{
    private static readonly byte[] s_endless = RpcWire.CallRecord(9, RpcWire.Echo, RpcWire.Opaque(new byte[1 << 20]));

    [Test]
    public void A_request_of_which_a_byte_comes_now_and_then_ends_its_connection_and_is_counted()
    {
        using SharedCounters counters = new();
        using ServerProcess server = ServerProcess.Start(
            model, "rpc", form, [.. counters.Option, "--request-timeout", "1s", "--workers", "1", "--max-threads", "1", "--max-children", "1"]);
        using RpcPeer slow = new(server.Address);
        slow.Null();
        int sent = 0;
        Eventually.Holds(
            () =>
            {
                if (sent < s_endless.Length && TrySend(slow.Client, s_endless.AsSpan(sent, 1)))
                    sent++;
                return counters[Counter.RequestTimeouts] == 1;
            },
            () => $"RequestTimeouts is {counters[Counter.RequestTimeouts]} after {sent} bytes");
        using RpcPeer next = new(server.Address);
        next.Null();
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.RequestTimeouts), Is.EqualTo(1));
        Assert.That(server.FinalCount(Counter.IdleTimeouts), Is.Zero);
    }

    [Test]
    public void A_request_of_which_no_more_comes_ends_its_connection_too()
    {
        using SharedCounters counters = new();
        using ServerProcess server = ServerProcess.Start(model, "rpc", form, [.. counters.Option, "--request-timeout", "500ms"]);
        using RpcPeer slow = new(server.Address);
        slow.Client.Send(s_endless.AsSpan(0, 10));
        counters.Await(Counter.RequestTimeouts, 1);
        Assert.That(slow.Client.ReceiveUntilClosedOrReset(), Is.Empty);
        Assert.That(server.Stop(), Is.Zero);
    }

    [Test]
    public void Silence_between_requests_and_long_calls_are_no_late_requests()
    {
        using SharedCounters counters = new();
        using ServerProcess server = ServerProcess.Start(model, "rpc", form, [.. counters.Option, "--request-timeout", "3s"]);

        // It is silent for longer than a request may take to arrive.
        using RpcPeer? silent = Cells.ModelsThatServeMany.Contains(model) ? new(server.Address) : null;
        silent?.Null();
        using RpcPeer peer = new(server.Address);

        // Half of a call is received behind a call that runs longer than a request may take to arrive. A busy machine has time to send the other half.
        long before = counters[Counter.Calls];
        byte[] next = RpcWire.CallRecord(2, RpcWire.Null);
        peer.Client.Send([.. RpcWire.CallRecord(1, RpcWire.Sleep, RpcWire.UInt(5000)), .. next.AsSpan(0, 20)]);
        counters.Await(Counter.Calls, before + 1);
        peer.Client.Send(next.AsSpan(20));
        peer.Finish(1);
        peer.Finish(2);
        silent?.Null();
        peer.Null();
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.RequestTimeouts), Is.Zero);
    }

    private static bool TrySend(TestClient client, ReadOnlySpan<byte> bytes)
    {
        try
        {
            client.Send(bytes);
            return true;
        }
        catch (SocketException)
        {
            return false;   // closed; the counter is checked next
        }
    }
}
