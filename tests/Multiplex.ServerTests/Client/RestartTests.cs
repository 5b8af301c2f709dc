using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Client;

/// <summary>A server dies and is started again at the same address, while its client goes on.</summary>
[TestFixture(ListenForm.Tcp)]
[TestFixture(ListenForm.UnixPath)]
[TestFixture(ListenForm.UnixAbstract)]
[TestFixture(ListenForm.UnixPacket)]
public sealed class RestartTests(ListenForm form)
{
    private static readonly RpcClientOptions s_patient = new() { Timeout = Eventually.Deadline, ReconnectFor = Eventually.Deadline };

    private readonly Stack<ServerProcess> _servers = [];
    private RpcClient _client = null!;

    [SetUp]
    public void Start()
    {
        _servers.Push(ServerProcess.Start("epoll", "rpc", form));
        _client = new(Endpoint.Parse(_servers.Peek().Address.Text), s_patient);
    }

    [TearDown]
    public void Stop()
    {
        _client?.Dispose();
        while (_servers.TryPop(out ServerProcess? server))
            server.Dispose();
    }

    // A dead server leaves the name of its UNIX-domain socket behind, which the next one takes over.
    private void StartAgain() => _servers.Push(ServerProcess.Start("epoll", "rpc", [_servers.Peek().Address.Text]));

    private void Kill()
    {
        _servers.Peek().Signal(Signum.SIGKILL);
        _servers.Peek().WaitForExit();
    }

    [Test]
    public void Calls_that_may_be_repeated_outlast_restarts_whether_a_thread_waits_or_they_are_awaited()
    {
        using CancellationTokenSource enough = new();
        int done = 0;
        Task[] callers =
        [
            .. Enumerable.Range(0, 6).Select(number => Task.Factory.StartNew(
                () =>
                {
                    for (int i = 0; !enough.IsCancellationRequested; i++)
                    {
                        byte[] payload = BitConverter.GetBytes((number << 24) | i);
                        byte[] echo = number % 2 == 0 ? _client.Echo(payload) : _client.EchoAsync(payload).GetAwaiter().GetResult();
                        if (!echo.AsSpan().SequenceEqual(payload))
                            throw new InvalidDataException("another's results");
                        Interlocked.Increment(ref done);
                    }
                },
                CancellationToken.None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default)),
        ];
        for (int i = 0; i < 3; i++)
        {
            AwaitMore();
            _servers.Peek().Signal(Signum.SIGSTOP);
            Task<byte[]> call = _client.EchoAsync([(byte)i]);   // in flight when the server is killed
            Kill();
            StartAgain();
            Assert.That(call.GetAwaiter().GetResult(), Is.EqualTo(new[] { (byte)i }));
        }

        AwaitMore();
        enough.Cancel();
        Assert.That(Task.WaitAll(callers, Eventually.Deadline), Is.True, "every call ends");
        Assert.That(_client.Counters.Reconnects, Is.AtLeast(3));

        void AwaitMore()
        {
            int before = Volatile.Read(ref done);
            Eventually.Holds(() => Volatile.Read(ref done) > before + 500 || callers.Any(caller => caller.IsFaulted), "no call is answered");
        }
    }

    [Test]
    public void A_call_that_may_not_be_repeated_fails_with_its_server_and_the_next_finds_the_new_one()
    {
        Assert.That(_client.Add(1), Is.EqualTo(1));
        _servers.Peek().Signal(Signum.SIGSTOP);
        Task<ulong> call = _client.AddAsync(1);
        Kill();
        Assert.That(() => call.GetAwaiter().GetResult(), Throws.TypeOf<RpcConnectionException>());
        StartAgain();
        Assert.That(_client.Add(5), Is.EqualTo(5));
    }

    [Test]
    public void An_idle_client_uses_no_connection_of_a_dead_server()
    {
        Assert.That(_client.AddAsync(1).GetAwaiter().GetResult(), Is.EqualTo(1));
        Kill();
        Eventually.Holds(() => !_client.IsConnected, "the client knows that the connection has ended");
        StartAgain();
        Assert.That(_client.Add(5), Is.EqualTo(5), "sent once, on a new connection");
    }
}
