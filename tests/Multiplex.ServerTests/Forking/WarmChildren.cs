using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Forking;

/// <summary>What is prepared before the first fork, no child does again; and none allocates at each request.</summary>
public sealed class WarmChildren
{
    [OneTimeSetUp]
    public void NeedsOptimisedCode() => ForkFixture.RequireOptimisedCode();

    [Test]
    public void A_child_allocates_as_much_for_a_thousand_messages_as_for_one()
    {
        Assert.That(AllocatedByEcho(messages: 1000), Is.EqualTo(AllocatedByEcho(messages: 1)));
    }

    [Test]
    public void A_child_allocates_as_much_for_a_thousand_calls_as_for_one()
    {
        Assert.That(AllocatedByCalls(count: 1000), Is.EqualTo(AllocatedByCalls(count: 1)));
    }

    [Test]
    public void A_child_compiles_nothing_for_an_echo()
    {
        (_, long compiled) = Measure("echo", address =>
        {
            using TestClient client = new(address);
            byte[] message = new byte[1000];
            Assert.That(client.Exchange(message), Is.EqualTo(message));
            client.EndWriting();
            client.ReceiveToEnd();
        });
        Assert.That(compiled, Is.Zero);
    }

    [TestCase(RpcWire.Null)]
    [TestCase(RpcWire.Echo)]
    [TestCase(RpcWire.Sleep)]
    [TestCase(RpcWire.Burn)]
    [TestCase(RpcWire.Add)]
    [TestCase(RpcWire.Whoami)]
    public void A_child_compiles_nothing_for_a_procedure(uint procedure)
    {
        byte[] arguments = procedure switch
        {
            RpcWire.Echo => RpcWire.Opaque([1, 2, 3]),
            RpcWire.Sleep or RpcWire.Burn => RpcWire.UInt(1),
            RpcWire.Add => RpcWire.Hyper(1),
            _ => [],
        };
        (_, long compiled) = Measure("rpc", address =>
        {
            using RpcPeer peer = new(address);
            peer.Finish(peer.Begin(procedure, arguments));
        });
        Assert.That(compiled, Is.Zero);
    }

    private static long AllocatedByEcho(int messages)
    {
        (long allocated, _) = Measure("echo", address =>
        {
            using TestClient client = new(address);
            byte[] message = new byte[64];
            for (int i = 0; i < messages; i++)
                client.Exchange(message);
        });
        return allocated;
    }

    private static long AllocatedByCalls(int count)
    {
        (long allocated, _) = Measure("rpc", address =>
        {
            using RpcPeer peer = new(address);
            for (int i = 0; i < count; i++)
            {
                peer.Null();
                peer.Add(1);
                peer.Echo([1, 2, 3, 4]);
                peer.Whoami();
            }
        });
        return allocated;
    }

    // One connection to a server of its own, and what its child allocated and compiled.
    private static (long Allocated, long Compiled) Measure(string protocol, Action<ServerAddress> converse)
    {
        using ServerProcess server = ForkFixture.Start(protocol);
        converse(server.Address);
        ForkFixture.AwaitNoChildren(server);
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.ChildrenMade), Is.EqualTo(1));
        return (server.FinalCount(Counter.ChildAllocatedBytes), server.FinalCount(Counter.ChildCompiledMethods));
    }
}
