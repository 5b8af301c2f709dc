using Multiplex.Rpc;
using Multiplex.Sockets;
using Multiplex.Tests.Rpc.Client;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Rpc;

/// <summary>A client creates the stub of an interface that is registered as a contract.</summary>
public class RpcContractsTests() : RpcClientFixture(EndpointKind.Tcp)
{
    private interface IAdder
    {
        ulong Add(ulong amount);
    }

    [Test]
    public void A_contract_is_called_by_the_client_that_made_its_stub()
    {
        RpcContracts.Register<IAdder>(client => new Adder(client));
        using ScriptedServer server = Serve(EchoAll), other = Serve(EchoAll);
        using RpcClient client = new(server.Endpoint, Patient);
        Assert.That(client.Create<IAdder>().Add(7), Is.EqualTo(7));
        Assert.That((client.Counters.Calls, other.Connections), Is.EqualTo((1, 0)));
    }

    [Test]
    public void A_type_that_is_no_contract_is_named_in_one_line()
    {
        using ScriptedServer server = Serve(EchoAll);
        using RpcClient client = new(server.Endpoint, Patient);
        Assert.That(
            client.Create<IFormattable>,
            Throws.InvalidOperationException.With.Message.StartsWith("System.IFormattable is no RPC contract: ").And.Message.Not.Contains("\n"));
    }

    private sealed class Adder(RpcClient client) : IAdder
    {
        public ulong Add(ulong amount) => Call(client, RpcContractsTests.Add, amount);
    }
}
