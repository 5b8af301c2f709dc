using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Forking;

/// <summary>No child repeats what was prepared before the first fork: a child allocates nothing for a request.</summary>
public sealed class ChildAllocationTests
{
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

    private static long AllocatedByEcho(int messages)
    {
        return Measure("echo", address =>
        {
            using TestClient client = new(address);
            byte[] message = new byte[64];
            for (int i = 0; i < messages; i++)
                client.Exchange(message);
        });
    }

    private static long AllocatedByCalls(int count)
    {
        return Measure("rpc", address =>
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
    }

    // How many bytes a child allocated that served one connection, the only one of its server.
    private static long Measure(string protocol, Action<ServerAddress> converse)
    {
        using ServerProcess server = ForkFixture.Start(protocol);
        converse(server.Address);
        ForkFixture.AwaitNoChildren(server);
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.ChildrenMade), Is.EqualTo(1));
        return server.FinalCount(Counter.ChildAllocatedBytes);
    }
}
