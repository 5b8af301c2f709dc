using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Peers;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Peers;

/// <summary>Our client, made from <c>everything.x</c>, against a C server of libtirpc with the skeletons that rpcgen makes from it.</summary>
public sealed class EverythingServerTests
{
    private static readonly EndpointKind[] s_kinds = [EndpointKind.Tcp, EndpointKind.Udp, EndpointKind.Unix];

    private ServerProcess? _server;

    [OneTimeSetUp]
    public void Start()
    {
        RpcgenProgram.RequireTools();
        _server = ServerProcess.StartProgram(RpcgenProgram.Everything.Server, ["tcp", "udp", ListenForm.UnixPath.NewEndpoint()], s_kinds.Length);
    }

    [OneTimeTearDown]
    public void Stop() => _server?.Dispose();

    [Test]
    public void It_gives_every_result([ValueSource(nameof(s_kinds))] EndpointKind kind) =>
        EverythingClient.CallAll(_server!.Addresses.Single(address => address.Kind == kind));
}
