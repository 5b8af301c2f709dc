using Multiplex.Protocols;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Models;

/// <summary>The limits that protect a reactor: each is kept, and each is counted.</summary>
[TestFixtureSource(typeof(ReactorModels), nameof(ReactorModels.All))]
public class ReactorLimitsTests(ReactorEntry entry) : ReactorFixture(entry)
{
    [Test]
    public void A_silent_connection_is_closed_when_its_time_is_up_and_counted()
    {
        using RunningServer server = Echo(new() { IdleTimeout = TimeSpan.FromMilliseconds(200) });
        using Client silent = server.Connect();
        Assert.That(silent.ReadToEnd(), Is.Empty);
        server.AwaitCount(Counter.IdleTimeouts, 1);
        Assert.That(server.Counters[Counter.Closed], Is.EqualTo(1));
        Assert.That(server.Counters[Counter.Broken], Is.Zero);
    }

    [Test]
    public void A_connection_that_talks_is_not_closed_for_being_silent()
    {
        using RunningServer server = Echo(new() { IdleTimeout = TimeSpan.FromSeconds(5) });
        using Client talkative = server.Connect();
        using Client silent = server.Connect();

        // Until the silent connection, which is as old, has been closed.
        while (server.Counters[Counter.IdleTimeouts] == 0)
        {
            talkative.Send("x"u8);
            talkative.Read(1);
        }

        talkative.Send("x"u8);
        talkative.Read(1);
        Assert.That(silent.ReadToEnd(), Is.Empty);
        Assert.That(server.Counters[Counter.IdleTimeouts], Is.EqualTo(1));
    }

    [Test]
    public void A_connection_too_many_is_refused_and_counted_and_there_is_room_again_when_one_ends()
    {
        using RunningServer server = Echo(new() { MaxConnections = 2 });
        using Client first = server.Connect();
        using Client second = server.Connect();
        foreach (Client client in (Client[])[first, second])
        {
            client.Send("x"u8);
            client.Read(1);
        }

        using Client third = server.Connect();
        Assert.That(third.ReadToEnd(), Is.Empty);
        Assert.That(server.Counters[Counter.Refused], Is.EqualTo(1));
        first.Dispose();
        server.AwaitCount(Counter.Closed, 1);
        using Client fourth = server.Connect();
        fourth.Send("x"u8);
        fourth.Read(1);
        Assert.That(server.Counters[Counter.Accepted], Is.EqualTo(3));
    }

    [Test]
    public void A_slow_reader_is_throttled_and_loses_nothing()
    {
        using RunningServer server = Echo(new() { MaxPendingOutput = 64 * 1024 });
        using Client client = server.Connect();
        byte[] bytes = new byte[32 * 1024 * 1024];
        new Random(1).NextBytes(bytes);

        // Sends without reading until neither the kernel nor the server takes more.
        Background<bool> sender = Background.Run(() => client.Send(bytes));
        server.AwaitCount(Counter.Throttled, 1);
        Assert.That(sender.IsRunning, Is.True, "the server does not read on");
        Assert.That(client.Read(bytes.Length).AsSpan().SequenceEqual(bytes), Is.True);
        sender.Result();
    }

    [Test]
    public void A_client_that_pipelines_calls_and_takes_no_reply_is_throttled_and_counted()
    {
        using RunningServer server = Rpc(new() { MaxPendingOutput = 64 * 1024 });
        using Client client = server.Connect();
        setsockopt(client.Descriptor, SOL_SOCKET, SO_RCVBUF, 64 * 1024).OrThrow("setsockopt SO_RCVBUF");   // else the kernel may take all replies
        byte[] calls = Calls(MultiplexV1.Whoami, 200_000);
        Background<bool> sender = Background.Run(() => client.SendWhileItIsTaken(calls));
        server.AwaitCount(Counter.Throttled, 1);
        long atFirst = server.Counters[Counter.Calls];
        Assert.That(atFirst, Is.LessThan(200_000));

        // The server's socket is writable once the peer has taken a third of what the kernel holds: some megabytes, or less.
        Eventually.Holds(
            () =>
            {
                client.Read(100_000);
                return server.Counters[Counter.Calls] > atFirst;
            },
            "it is read from again when it takes replies");
        shutdown(client.Descriptor, SHUT_RDWR).OrThrow("shutdown");
        sender.Result();
        client.Dispose();
        server.AwaitCount(Counter.Closed, 1);
    }

    [Test]
    public void Other_connections_do_not_notice_a_slow_reader()
    {
        using RunningServer server = Echo(new() { MaxPendingOutput = 64 * 1024 });
        using Client slow = server.Connect();
        using Client brisk = server.Connect();
        while (server.Counters[Counter.Throttled] == 0)
            send(slow.Descriptor, new byte[64 * 1024], MSG_DONTWAIT | MSG_NOSIGNAL);
        for (int i = 0; i < 100; i++)
        {
            brisk.Send("brisk"u8);
            brisk.Read(5);
        }
    }

    [Test]
    public void A_peer_that_vanishes_while_its_waiting_calls_are_answered_is_closed_and_the_loop_does_not_spin()
    {
        using TemporaryDirectory directory = new();
        ClosingProtocol protocol = new();
        using RunningServer server = Serve(_ => protocol, new() { MaxPendingOutput = 64 * 1024 }, $"unix:{directory["s"]}");
        using Client client = server.Connect();
        protocol.Victim = client;

        // Far more replies than the kernel buffers, so that whole requests wait; then the client reads replies until one of
        // the last requests is answered, and disconnects meanwhile.
        client.Send(new byte[1000]);
        byte[] part = new byte[64 * 1024];
        while (server.Counters[Counter.Closed] == 0 && recv(client.Descriptor, part, 0).Value > 0)
        {
        }

        server.AwaitCount(Counter.Closed, 1);
        Assert.That(server.Counters[Counter.Broken], Is.EqualTo(1));
    }

    /// <summary>A request is one byte, its reply 4 KiB. While one of the last is answered, the client disconnects.</summary>
    private sealed class ClosingProtocol : IProtocol
    {
        private readonly EchoProtocol _echo = new();
        private int _answered;

        public Client? Victim { get; set; }

        public int Frame(ReadOnlySpan<byte> received, ref FramingProgress progress) => 1;

        public bool AnswerFrame(ReadOnlySpan<byte> frame, in Peer peer, OutputBuffer reply)
        {
            if (++_answered == 900)
                shutdown(Victim!.Descriptor, SHUT_RDWR).OrThrow("shutdown");
            return AnswerMessage(frame, peer, reply);
        }

        public bool AnswerMessage(ReadOnlySpan<byte> message, in Peer peer, OutputBuffer reply) =>
            _echo.AnswerMessage(new byte[4096], peer, reply);
    }
}
