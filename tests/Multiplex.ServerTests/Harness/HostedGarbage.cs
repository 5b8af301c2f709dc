using NUnit.Framework;

namespace Multiplex.ServerTests.Harness;

/// <summary>A fixture whose tests send garbage to one server, which counts what it gets.</summary>
public abstract class HostedGarbage(string model, ListenForm form)
{
    private ServerProcess? _server;

    private protected ServerProcess Server => _server!;

    private protected SharedCounters Counters { get; } = new();

    [OneTimeSetUp]
    public void Start() => _server = ServerProcess.Start(model, "rpc", form, Counters.Option);

    [OneTimeTearDown]
    public void Stop()
    {
        try
        {
            long errors = Counters[Counter.ProtocolErrors];
            Assert.That(Server.Stop(), Is.Zero);
            Assert.That(Server.FinalCount(Counter.ProtocolErrors), Is.EqualTo(errors));
        }
        finally
        {
            Counters.Dispose();
            _server?.Dispose();
        }
    }
}
