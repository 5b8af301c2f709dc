namespace Multiplex.ServerTests.Harness;

/// <summary>A fixture whose tests share one server of ONC RPC, on every kind of endpoint that its model serves.</summary>
public abstract class AllKinds(string model, params string[] options) : SharedServer(model, "rpc", ListenForm.Tcp)
{
    private protected sealed override ServerProcess StartServer()
    {
        string[] endpoints = [.. Cells.FormsOf(Model).DistinctBy(form => form.Kind()).Select(form => form.NewEndpoint())];
        return ServerProcess.Start(Model, "rpc", endpoints, [.. Counters.Option, .. options]);
    }

    /// <summary>Calls the server over each kind of endpoint in turn, each time over a new connection.</summary>
    private protected void OnEach(Action<ServerAddress, RpcPeer> talk)
    {
        foreach (ServerAddress address in Server.Addresses)
        {
            using RpcPeer peer = new(address);
            talk(address, peer);
        }
    }
}
