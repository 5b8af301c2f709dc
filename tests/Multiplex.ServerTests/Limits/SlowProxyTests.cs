using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Limits;

/// <summary>A proxy's header that does not end, on every model.</summary>
[ModelSource(typeof(Cells), nameof(Cells.Served))]
public sealed class SlowProxyTests(string model) : SharedServer(model, "rpc", ListenForm.Tcp)
{
    private protected override ServerProcess StartServer() =>
        ServerProcess.Start(Model, "rpc", Form, ["--proxy-protocol", "127.0.0.1", "--request-timeout", "300ms", .. Counters.Option]);

    [Test]
    public void It_may_take_no_longer_than_a_request()
    {
        byte[] longest = ProxyHeaders.Binary("192.0.2.7:1", "198.51.100.1:1", (0xE0, new byte[65_520]));
        foreach (byte[] part in (byte[][])[[], "PROXY"u8.ToArray(), longest[..^1]])
        {
            long late = Counters[Counter.RequestTimeouts];
            using TestClient client = new(Server.Address);
            client.Send(part);
            Assert.That(client.ReceiveUntilClosedOrReset(), Is.Empty);
            Counters.Await(Counter.RequestTimeouts, late + 1);
        }
    }
}
