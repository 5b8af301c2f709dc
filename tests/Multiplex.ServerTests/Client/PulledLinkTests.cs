using Multiplex.Rpc;
using Multiplex.Rpc.Xdr;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Kernel;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Client;

/// <summary>The link between client and server is taken down: there is no FIN and no RST, and either no route or no answer.</summary>
[TestFixture(EndpointKind.Tcp)]
[TestFixture(EndpointKind.Udp)]
public sealed class PulledLinkTests(EndpointKind kind)
{
    private const int CallsWhilePulled = 3;

    private static readonly RpcCallOptions s_hurried = new() { Timeout = TimeSpan.FromSeconds(1) };

    private LinkedNetworks _networks = null!;

    [OneTimeSetUp]
    public void Start() => _networks = new("epoll");

    [OneTimeTearDown]
    public void Stop() => _networks?.Dispose();

    [Test]
    public void Every_call_fails_within_its_time_and_the_first_after_that_succeeds([Values] LinkEnd end, [Values] bool awaited) => _networks.AtClient(() =>
    {
        using RpcEventLoop loop = new();   // its thread starts here, in this network
        using RpcClient client = new(LinkedNetworks.ServerAt(kind), new() { Timeout = Eventually.Deadline, EventLoop = loop });
        Add(client, awaited);
        _networks.Pull(end);
        try
        {
            for (int i = 0; i < CallsWhilePulled; i++)
                SaysWhichCallItWas(Assert.Catch<RpcException>(() => Add(client, awaited, s_hurried))!);
        }
        finally
        {
            _networks.Plug(end);
        }

        Assert.That(() => Add(client, awaited), Throws.Nothing);
        if (kind == EndpointKind.Tcp)
            Assert.That(client.Counters.ConnectionsGivenUp, Is.Positive, "what the kernel has not had acknowledged is not waited for");
    });

    [Test]
    public void Calls_in_flight_together_fail_within_their_time_too([Values] LinkEnd end) => _networks.AtClient(() =>
    {
        using RpcEventLoop loop = new();
        using RpcClient client = new(LinkedNetworks.ServerAt(kind), new() { Timeout = Eventually.Deadline, EventLoop = loop });
        _networks.Pull(end);
        try
        {
            Task[] calls = [.. Enumerable.Range(0, 8).Select(_ => AddAsync(client, s_hurried))];
            foreach (Task call in calls)
            {
                Assert.That(
                    () => call.WaitAsync(2 * Eventually.Deadline).GetAwaiter().GetResult(),
                    Throws.TypeOf<RpcTimeoutException>().Or.TypeOf<RpcConnectionException>());
            }
        }
        finally
        {
            _networks.Plug(end);
        }

        Assert.That(() => Add(client, awaited: true), Throws.Nothing);
    });

    [Test]
    public void A_call_that_times_out_meanwhile_ends_no_other([Values] LinkEnd end)
    {
        if (kind == EndpointKind.Udp)
            Assert.Pass("a datagram socket says at once that there is no route, and there is no connection to keep");
        _networks.AtClient(() =>
        {
            const uint Milliseconds = 3000;
            RpcProcedure sleepOnce = Procedures.SleepProcedure with { IsIdempotent = false };
            using RpcEventLoop loop = new();
            using RpcClient client = new(LinkedNetworks.ServerAt(kind), new() { Timeout = 4 * Eventually.Deadline, EventLoop = loop });
            Add(client, awaited: true);
            Task<uint> other = client.CallAsync(sleepOnce, Milliseconds, Procedures.WriteUInt, Procedures.ReadUInt).AsTask();
            _networks.Pull(end);
            try
            {
                Assert.That(() => Add(client, awaited: true, s_hurried), Throws.TypeOf<RpcTimeoutException>());
            }
            finally
            {
                _networks.Plug(end);
            }

            Assert.That(other.WaitAsync(4 * Eventually.Deadline).GetAwaiter().GetResult(), Is.EqualTo(Milliseconds));
            Assert.That((client.Counters.ConnectionsGivenUp, client.Counters.Reconnects), Is.EqualTo((0, 0)));
        });
    }

    private void SaysWhichCallItWas(RpcException failure)
    {
        Endpoint server = LinkedNetworks.ServerAt(kind);
        Assert.That(failure, Is.TypeOf<RpcTimeoutException>().Or.TypeOf<RpcConnectionException>());
        Assert.That((failure.Server, failure.Procedure), Is.EqualTo((server, Procedures.AddProcedure)));
        Assert.That(failure.Message, Does.StartWith($"call {server}: procedure 4 of program {Procedures.AddProcedure.Program} version 1 (xid 0x{failure.Xid:x8}): "));
        Assert.That((failure as RpcTimeoutException)?.ArrivedBytes ?? 0, Is.Zero);
    }

    // Not idempotent.
    private static void Add(RpcClient client, bool awaited, RpcCallOptions? options = null)
    {
        if (awaited)
            AddAsync(client, options).WaitAsync(2 * Eventually.Deadline).GetAwaiter().GetResult();
        else
            client.Call(Procedures.AddProcedure, 1ul, Procedures.WriteHyper, ReadHyper, options);
    }

    private static Task<ulong> AddAsync(RpcClient client, RpcCallOptions? options) =>
        client.CallAsync(Procedures.AddProcedure, 1ul, Procedures.WriteHyper, ReadHyper, options).AsTask();

    private static ulong ReadHyper(ref XdrReader reader) => reader.ReadUInt64();
}
