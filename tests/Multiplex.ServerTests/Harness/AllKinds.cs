using NUnit.Framework;

namespace Multiplex.ServerTests.Harness;

/// <summary>A fixture whose tests share one server of ONC RPC, on every kind of endpoint that its model serves.</summary>
public abstract class AllKinds(string model, params string[] options)
{
    private ServerProcess? _server;

    private protected string Model { get; } = model;

    private protected ServerProcess Server => _server!;

    private protected SharedCounters Counters { get; } = new();

    [OneTimeSetUp]
    public void Start()
    {
        string[] endpoints = [.. Cells.FormsOf(Model).DistinctBy(form => form.Kind()).Select(form => form.NewEndpoint())];
        _server = ServerProcess.Start(Model, "rpc", endpoints, [.. Counters.Option, .. options]);
    }

    [OneTimeTearDown]
    public void Stop()
    {
        try
        {
            Assert.That(Server.Stop(), Is.Zero);
        }
        finally
        {
            Counters.Dispose();
            _server?.Dispose();
        }
    }

    /// <summary>Talks to the server by each kind of endpoint in turn, over a connection of its own.</summary>
    private protected void OnEach(Action<ServerAddress, RpcPeer> talk)
    {
        foreach (ServerAddress address in Server.Addresses)
        {
            using RpcPeer peer = new(address);
            talk(address, peer);
        }
    }
}
