using Multiplex.Sockets;
using Multiplex.Tests.Support;
using Multiplex.Transports;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Models;

/// <summary>How a reactor stops: no new connections, what has arrived is answered, everything is closed.</summary>
[TestFixtureSource(typeof(ReactorModels), nameof(ReactorModels.All))]
public class ReactorStopTests(ReactorEntry entry) : ReactorFixture(entry)
{
    [Test]
    public void A_stop_closes_idle_connections_and_the_listener()
    {
        using RunningServer server = Echo();
        using Client client = server.Connect();
        client.Send("x"u8);
        client.Read(1);
        server.RequestStop();
        server.AwaitEnd();
        Assert.That(client.ReadToEnd(), Is.Empty);
        Assert.That(
            () => Connector.Connect(server.Local),
            Throws.TypeOf<Multiplex.Interop.SyscallException>().With.Property("Errno").EqualTo(ECONNREFUSED));
        Assert.That(server.Counters[Counter.Closed], Is.EqualTo(server.Counters[Counter.Accepted]).And.EqualTo(1));
        Assert.That(server.Counters[Counter.CutOff], Is.Zero);
    }

    [Test]
    public void Calls_that_have_arrived_are_answered_before_it_ends()
    {
        using RunningServer server = Rpc();
        using Client busy = server.Connect();
        using Client waiting = server.Connect();
        busy.Send(Calls(MultiplexV1.Sleep, 1, writer => writer.WriteUInt32(300)));
        server.AwaitCount(Counter.Calls, 1);   // the call runs now, and blocks the loop
        waiting.Send(Calls(MultiplexV1.Null, 100));
        server.RequestStop();
        Assert.That(busy.ReadToEnd(), Has.Length.EqualTo(32));
        Assert.That(waiting.ReadToEnd(), Has.Length.EqualTo(28 * 100));
        server.AwaitEnd();
    }

    [Test]
    public void A_client_that_connected_before_the_stop_is_still_served()
    {
        using RunningServer server = Rpc();
        using Client busy = server.Connect();
        busy.Send(Calls(MultiplexV1.Sleep, 1, writer => writer.WriteUInt32(300)));
        server.AwaitCount(Counter.Calls, 1);
        using Client queued = server.Connect();   // by the kernel alone: the server has not accepted it yet
        queued.Send(Calls(MultiplexV1.Null, 1));
        server.RequestStop();
        Assert.That(queued.ReadToEnd(), Has.Length.EqualTo(28));
        server.AwaitEnd();
    }

    [Test]
    public void Replies_that_the_peer_is_slow_to_take_are_waited_for()
    {
        const int Length = 1024 * 1024, Count = 16;
        using RunningServer server = Rpc(new() { MaxPendingOutput = 2 * Count * Length, DrainStall = Eventually.Deadline });
        using Client client = server.Connect();
        client.Send(Calls(MultiplexV1.Echo, Count, writer => writer.WriteOpaque(new byte[Length])));
        server.AwaitCount(Counter.Calls, Count);
        server.RequestStop();
        Assert.That(client.ReadToEnd(), Has.Length.EqualTo(Count * (32 + Length)));
        server.AwaitEnd();
        Assert.That(server.Counters[Counter.CutOff], Is.Zero);
    }

    [Test]
    public void A_peer_that_takes_none_of_its_replies_is_cut_off_and_counted()
    {
        using RunningServer server = Echo(new() { MaxPendingOutput = 64 * 1024, DrainStall = TimeSpan.FromMilliseconds(100) });
        using Client client = server.Connect();
        while (server.Counters[Counter.Throttled] == 0)
            send(client.Descriptor, new byte[64 * 1024], MSG_DONTWAIT | MSG_NOSIGNAL);
        server.RequestStop();
        server.AwaitEnd();
        Assert.That(server.Counters[Counter.CutOff], Is.EqualTo(1));
    }

    [Test]
    public void A_second_request_ends_it_at_once()
    {
        using RunningServer server = Echo(
            new() { MaxPendingOutput = 64 * 1024, DrainStall = TimeSpan.FromHours(1), DrainTime = TimeSpan.FromHours(1) });
        using Client client = server.Connect();
        while (server.Counters[Counter.Throttled] == 0)
            send(client.Descriptor, new byte[64 * 1024], MSG_DONTWAIT | MSG_NOSIGNAL);
        server.RequestStop();
        server.RequestStop();
        server.AwaitEnd();
        Assert.That(server.Counters[Counter.CutOff], Is.EqualTo(1));
    }

    [Test]
    public void The_name_of_a_UNIX_domain_socket_is_removed()
    {
        using TemporaryDirectory directory = new();
        using RunningServer server = Echo(null, $"unix:{directory["s"]}");
        server.RequestStop();
        server.AwaitEnd();
        Assert.That(File.Exists(directory["s"]), Is.False);
    }

    [Test]
    public void No_descriptor_is_left_open()
    {
        // One server first, so that the runtime has opened the descriptors that it keeps.
        for (int round = 0, before = 0; round < 2; round++)
        {
            if (round == 1)
                before = OpenSockets();
            using (RunningServer server = Echo())
            {
                Client[] clients = [.. Enumerable.Range(0, 20).Select(_ => server.Connect())];
                server.AwaitCount(Counter.Accepted, 20);
                server.RequestStop();
                server.AwaitEnd();
                Array.ForEach(clients, client => client.Dispose());
            }

            if (round == 1)
                Eventually.Holds(() => OpenSockets() <= before, () => $"{OpenSockets() - before} sockets are left open");
        }
    }

    [Test]
    public void The_spare_descriptor_refuses_one_connection_at_a_time()
    {
        using Listener listener = Listener.Open(Endpoint.Parse("tcp://127.0.0.1:0"), 16);
        using SpareDescriptor spare = new();
        Assert.That(spare.Refuse(listener), Is.Zero, "no connection is pending");
        using Client client = new(Connector.Connect(listener.Local));
        Assert.That(spare.Refuse(listener), Is.EqualTo(1));
        Assert.That(client.ReadToEnd(), Is.Empty, "the connection ends at once");
        Assert.That(spare.Refuse(listener), Is.Zero);
    }

    private static int OpenSockets() => Directory.EnumerateFileSystemEntries("/proc/self/fd")
        .Count(entry => new FileInfo(entry).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) == true);
}
