using System.Net.Sockets;
using System.Text;
using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Handover;

/// <summary>A service manager's watchdog, sd_watchdog_enabled(3), is answered by the loops of a model, and not by one that hangs in a call.</summary>
public sealed class WatchdogTests
{
    private const string Alive = "WATCHDOG=1";

    // A tenth of a second: the server answers twice as often, so that some hundred milliseconds of silence are a hang, on a machine that is not stuck itself.
    private const string Time = "100000";

    public static IEnumerable<string> Served => Cells.Served;

    [TestCaseSource(nameof(Served))]
    public void It_is_answered_again_and_again_while_nothing_happens(string model)
    {
        using NotifySocket manager = new();
        using ServerProcess server = manager.Start(model, Time, watched: null);
        for (int i = 0; i < 3; i++)
            manager.Await(Alive);
        using (RpcPeer peer = new(server.Address))
        {
            peer.Null();
            manager.Await(Alive);   // with a connection that is held
            manager.Await(Alive);
        }

        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
    }

    [TestCaseSource(nameof(Served))]
    public void A_manager_that_reads_nothing_holds_up_no_loop(string model)
    {
        using NotifySocket manager = new();
        using ServerProcess server = manager.Start(model, Time, watched: null);
        using (RpcPeer peer = new(server.Address))
        {
            manager.Await("READY=1");   // which waits for the manager, and is sent after the server says that it listens
            manager.FillQueue();
            peer.Sleep(300);   // until each loop has more to say
            peer.Null();
        }

        server.Signal(Signum.SIGTERM);
        manager.Await("STOPPING=1");
        Assert.That(server.WaitForExit(), Is.Zero);
        Assert.That(server.Errors, Has.None.Contains("is not notified"));
    }

    [TestCase("poll")]
    [TestCase("epoll")]
    [TestCase("uring")]
    [TestCase("reactors --reactors 2")]
    [TestCase("uring --reactors 2")]
    public void A_loop_that_hangs_does_not_answer_it(string model)
    {
        const uint Hang = 10_000;   // each, or until its client is gone
        using NotifySocket manager = new();
        using ServerProcess server = manager.Start(model, Time, watched: null);
        using (RpcPeer peer = new(server.Address))
        {
            peer.Null();
            manager.Await(Alive);
            for (int i = 0; i < 3; i++)
                peer.Begin(RpcWire.Sleep, RpcWire.UInt(Hang));
            Eventually.Holds(() => manager.IsSilentFor(500), "one of the loops hangs in a call, and the watchdog is answered all the same");
        }

        manager.Await(Alive);
        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
    }

    [Test]
    public void The_watchdog_of_another_process_is_not_answered()
    {
        using NotifySocket manager = new();
        using ServerProcess server = manager.Start("epoll", Time, watched: "1");
        using (RpcPeer peer = new(server.Address))
            peer.Sleep(300);
        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
        Assert.That(manager.ReceivedUntil("STOPPING=1"), Has.None.EqualTo(Alive));
    }

    [Test]
    public void A_time_that_is_none_is_named()
    {
        using NotifySocket manager = new();
        using ServerProcess server = manager.Start("epoll", "soon", watched: null);
        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
        Assert.That(server.Errors, Has.Member("multiplex: WATCHDOG_USEC=soon is no number of microseconds: the watchdog is not answered"));
    }

    /// <summary>The socket at which a manager is notified.</summary>
    private sealed class NotifySocket : IDisposable
    {
        private readonly string _name = $"@multiplex-watchdog-{Guid.NewGuid():N}";
        private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = (int)Eventually.Deadline.TotalMilliseconds };

        public NotifySocket() => _socket.Bind(new UnixDomainSocketEndPoint($"\0{_name[1..]}"));

        public ServerProcess Start(string model, string microseconds, string? watched)
        {
            Dictionary<string, string> environment = new() { ["NOTIFY_SOCKET"] = _name, ["WATCHDOG_USEC"] = microseconds };
            if (watched is not null)
                environment["WATCHDOG_PID"] = watched;
            return ServerProcess.Start(ServerProcess.Command, ServerProcess.ServeArguments(model, "rpc", "tcp://127.0.0.1:0"), timeout: Eventually.Deadline, environment: environment);
        }

        /// <summary>Sends until no more messages fit, as happens with a manager that is held up.</summary>
        public void FillQueue()
        {
            using Socket sender = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
            sender.Connect(new UnixDomainSocketEndPoint($"\0{_name[1..]}"));
            SocketError error;
            do
                sender.Send("X=1"u8, SocketFlags.None, out error);
            while (error == SocketError.Success);
            Assert.That(error, Is.EqualTo(SocketError.WouldBlock));
        }

        public void Await(string state) => ReceivedUntil(state);

        public List<string> ReceivedUntil(string state)
        {
            List<string> received = [];
            byte[] bytes = new byte[4096];
            do
                received.Add(Encoding.UTF8.GetString(bytes, 0, _socket.Receive(bytes)).Split('\n')[0]);
            while (received[^1] != state);
            return received;
        }

        /// <summary>Whether nothing comes for so long, after what has come already.</summary>
        public bool IsSilentFor(uint milliseconds)
        {
            byte[] bytes = new byte[4096];
            while (_socket.Poll(0, SelectMode.SelectRead))
                _socket.Receive(bytes);
            return !_socket.Poll(TimeSpan.FromMilliseconds(milliseconds), SelectMode.SelectRead);
        }

        public void Dispose() => _socket.Dispose();
    }
}
