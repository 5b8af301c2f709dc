using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Binding;
using NUnit.Framework;

namespace Multiplex.ServerTests.Binding;

/// <summary>A server is unregistered before it stops accepting connections, so that the name service sends it no client after that.</summary>
public sealed class UnregisteringTests
{
    [TestCaseSource(typeof(Cells), nameof(Cells.Models))]
    public void A_server_takes_clients_until_the_name_service_has_forgotten_it(string model)
    {
        using HeldNameService names = new();
        using ServerProcess server = Serve(model, names);
        Assert.That(names.Count, Is.EqualTo(1));
        server.Signal(Signum.SIGTERM);
        names.AwaitUnset();
        using RpcPeer late = new(server.Address);   // a client that has just looked the address up
        uint call = late.Begin(RpcWire.Add, RpcWire.Hyper(5));
        names.Release();
        Assert.That(late.Finish(call), Is.EqualTo(RpcWire.Hyper(5)));
        Assert.That(server.WaitForExit(), Is.Zero);
        Assert.That(names.Count, Is.Zero);
        Assert.That(server.Errors.Where(line => !line.Contains("runs as root")), Has.One.Items, "only what it counted");
    }

    [TestCase("poll")]
    [TestCase("fork")]
    public void A_second_signal_does_not_wait_for_the_name_service(string model)
    {
        using HeldNameService names = new();
        using ServerProcess server = Serve(model, names);
        server.Signal(Signum.SIGTERM);
        names.AwaitUnset();
        server.Signal(Signum.SIGTERM);
        Assert.That(server.WaitForExit(), Is.Not.Zero);
    }

    private static ServerProcess Serve(string model, HeldNameService names) => ServerProcess.Start(model, "rpc", ListenForm.Tcp, "--rpcbind", names.Address);
}
