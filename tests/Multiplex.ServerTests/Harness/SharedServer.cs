using NUnit.Framework;

namespace Multiplex.ServerTests.Harness;

/// <summary>A fixture whose tests share one server, which must end in order after the last of them.</summary>
public abstract class SharedServer(string model, string protocol, ListenForm form)
{
    private ServerProcess? _server;

    private protected ServerProcess Server => _server!;

    private protected string Model => model;

    private protected ListenForm Form => form;

    /// <summary>The counters' file, where <see cref="StartServer"/> gives it their option.</summary>
    private protected SharedCounters Counters { get; } = new();

    [OneTimeSetUp]
    public void Start() => _server = StartServer();

    private protected virtual ServerProcess StartServer() => ServerProcess.Start(model, protocol, form);

    [OneTimeTearDown]
    public void Stop()
    {
        if (_server is null)
            return;   // the machine lacks what it needs, and its tests were skipped
        try
        {
            Assert.That(Server.Stop(), Is.Zero);
            Assert.That(Server.Processes(), Is.Empty);
            OnStopped();
        }
        finally
        {
            Counters.Dispose();
            _server.Dispose();
        }
    }

    /// <summary>The server has ended in order.</summary>
    private protected virtual void OnStopped()
    {
    }
}
