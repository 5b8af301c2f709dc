using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using NUnit.Framework;
using static Multiplex.Interop.Libc;

namespace Multiplex.ServerTests.Limits;

/// <summary>Many silent connections on one reactor: they stay open, cost little memory, and the others are served.</summary>
[TestFixture("poll")]
[TestFixture("epoll")]
[NonParallelizable]
public sealed class IdleConnectionTests(string model)
{
    private const int Wanted = 18_000;
    private const int DescriptorsForOthers = 600;
    private const int BytesForAnIdleConnection = 1024;

    [Test]
    public void Eighteen_thousand_silent_connections_cost_at_most_a_kibibyte_each_and_are_held()
    {
        int count = AsManyAsThereAreDescriptorsFor();
        using SharedCounters counters = new();
        using ServerProcess server = ServerProcess.Start(model, "rpc", ListenForm.Tcp, [.. counters.Option, "--idle-timeout", "0"]);
        using (RpcPeer warm = new(server.Address))
            warm.Null();
        long before = server.ResidentBytes();
        Endpoint endpoint = Endpoint.Parse(server.Address.Text);
        IReadOnlyList<byte[]> addresses = AddressLookup.Find(endpoint, passive: false);
        List<int> crowd = [];
        try
        {
            while (crowd.Count < count)
                crowd.Add(Connector.Connect(endpoint, addresses));
            counters.Await(Counter.Accepted, count + 1);
            Assert.That((server.ResidentBytes() - before) / count, Is.AtMost(BytesForAnIdleConnection));

            using RpcPeer busy = new(server.Address);
            for (uint i = 1; i <= 100; i++)
                Assert.That(busy.Add(1), Is.EqualTo(i));
            foreach (int member in (int[])[crowd[0], crowd[count / 2], crowd[^1]])
            {
                byte[] call = RpcWire.CallRecord(1, RpcWire.Null), reply = new byte[100];
                Assert.That(send(member, call, MSG_NOSIGNAL).OrThrow("send"), Is.EqualTo(call.Length));
                Eventually.LimitWaits(member);
                Assert.That(recv(member, reply, 0).OrThrow("recv"), Is.EqualTo(28));
            }

            Assert.That(counters[Counter.Closed], Is.EqualTo(1), "the one that warmed up");
        }
        finally
        {
            crowd.ForEach(member => close(member));
        }

        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.Closed), Is.EqualTo(count + 2));
    }

    // The soft limit may be lower than the hard one; this process and the server, which inherits the limit, both need the descriptors.
    private static int AsManyAsThereAreDescriptorsFor()
    {
        getrlimit(RLIMIT_NOFILE, out rlimit limit).OrThrow("getrlimit");
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, limit).OrThrow("setrlimit");
        return (int)Math.Min(Wanted, limit.rlim_max - DescriptorsForOthers);
    }
}
