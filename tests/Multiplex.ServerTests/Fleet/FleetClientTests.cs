using System.Diagnostics;
using System.Text.Json;
using Mono.Unix.Native;
using Multiplex.Fleet;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Fleet;
using NUnit.Framework;

namespace Multiplex.ServerTests.Fleet;

/// <summary>The library's client of a program that several servers serve.</summary>
public sealed class FleetClientTests
{
    private EtcdProcess _etcd = null!;
    private string _prefix = "";   // of this test: the entry of a killed server may outlive its test

    private string Program => $"rpc+{_etcd.Url}/{RpcWire.Program}/1?prefix={_prefix}";

    [OneTimeSetUp]
    public void Start()
    {
        FleetCommand.Require();
        _etcd = EtcdProcess.Start();
    }

    [SetUp]
    public void TakePrefix() => _prefix = $"/{Guid.NewGuid():N}";

    [OneTimeTearDown]
    public void Stop() => _etcd?.Dispose();

    [Test]
    public async Task A_call_goes_to_the_server_with_the_fewest_in_flight_and_a_server_that_comes_is_called()
    {
        using ServerProcess first = Serve();
        await using FleetClient fleet = await FleetClient.ConnectAsync(Program, new() { Timeout = 4 * Eventually.Deadline });
        Assert.That((await Whoami(fleet)).Pid, Is.EqualTo(first.Id));
        first.Signal(Signum.SIGSTOP);
        Task<WhoamiRes> pending = Whoami(fleet).AsTask();
        using ServerProcess second = Serve();
        Eventually.Holds(() => fleet.Servers.Count == 2, "the second server is not known");
        for (int i = 0; i < 10; i++)
            Assert.That((await Whoami(fleet)).Pid, Is.EqualTo(second.Id));
        first.Signal(Signum.SIGCONT);
        Assert.That((await pending).Pid, Is.EqualTo(first.Id));
        HashSet<uint> called = [];
        for (int i = 0; i < 10; i++)
            called.Add((await Whoami(fleet)).Pid);
        Assert.That(called, Is.EquivalentTo((uint[])[(uint)first.Id, (uint)second.Id]), "equals take turns");
    }

    [TestCase(Signum.SIGTERM)]
    [TestCase(Signum.SIGKILL)]
    public async Task Calls_that_may_be_repeated_do_not_fail_while_servers_end_and_come(Signum end)
    {
        List<ServerProcess> servers = [Serve(), Serve()];
        try
        {
            await using FleetClient fleet = await FleetClient.ConnectAsync(Program, new() { ReconnectFor = Eventually.Deadline });
            using CancellationTokenSource over = new();
            long calls = 0;
            Task[] callers =
            [
                .. Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
                {
                    while (!over.IsCancellationRequested)
                    {
                        await Whoami(fleet);
                        Interlocked.Increment(ref calls);
                    }
                })),
            ];
            for (int round = 0; round < 3; round++)
            {
                long before = Volatile.Read(ref calls);
                Eventually.Holds(() => Volatile.Read(ref calls) > before + 100 || callers.Any(one => one.IsFaulted), "no calls are made");
                ServerProcess gone = servers[0];
                Sockets.Endpoint address = gone.Endpoint;
                gone.Signal(end);
                gone.WaitForExit();
                Eventually.Holds(() => !fleet.Servers.Contains(address), "a server that ended is still called");
                servers.RemoveAt(0);
                gone.Dispose();
                servers.Add(Serve());
            }

            await over.CancelAsync();
            await Task.WhenAll(callers);
        }
        finally
        {
            servers.ForEach(one => one.Dispose());
        }
    }

    [Test]
    public async Task A_call_that_was_not_sent_goes_to_another_server_and_one_that_was_sent_and_may_not_be_repeated_fails()
    {
        using ServerProcess first = Serve();
        await using FleetClient fleet = await FleetClient.ConnectAsync(Program);
        ulong before = await Add(fleet, 1);
        Task<ulong> lost = fleet.CallAsync(async client =>
        {
            first.Signal(Signum.SIGSTOP);   // it does not answer what is sent from now on
            return await new MultiplexV1Client(client).AddAsync(1);
        }).AsTask();
        Eventually.Holds(() => TcpTable.All().Any(one => $"{one.LocalPort}" == first.Endpoint.Port && one.IsEstablished && one.Unread > 0), "the call has not arrived");
        first.Signal(Signum.SIGKILL);
        Assert.That(async () => await lost, Throws.InstanceOf<RpcConnectionException>().With.Property(nameof(RpcConnectionException.WasSent)).True);
        using ServerProcess second = Serve();
        Assert.That(await Add(fleet, 1), Is.EqualTo(1), $"the new server adds, after {before} of the first");
    }

    [Test]
    public async Task After_a_call_that_timed_out_other_servers_are_called()
    {
        using ServerProcess first = Serve(), second = Serve();
        await using FleetClient fleet = await FleetClient.ConnectAsync(Program, new() { Timeout = TimeSpan.FromSeconds(1) });
        Eventually.Holds(() => fleet.Servers.Contains(first.Endpoint) && fleet.Servers.Contains(second.Endpoint), "the servers are not known");
        first.Signal(Signum.SIGSTOP);
        long end = Environment.TickCount64 + (long)Eventually.Deadline.TotalMilliseconds;
        bool hasTimedOut = false;

        // If they took turns, each second call would time out.
        for (int answered = 0; answered < 4 || !hasTimedOut; answered++)
        {
            try
            {
                Assert.That((await Whoami(fleet)).Pid, Is.EqualTo(second.Id));
            }
            catch (RpcTimeoutException) when (Environment.TickCount64 < end)
            {
                (answered, hasTimedOut) = (-1, true);
            }
        }

        first.Signal(Signum.SIGCONT);
    }

    [Test]
    public async Task While_etcd_is_down_the_servers_that_were_known_are_called_and_a_server_that_etcd_has_lost_is_registered_again()
    {
        using ServerProcess server = Serve();
        RpcClientOptions patient = new() { ReconnectFor = Eventually.Deadline };
        await using FleetClient fleet = await FleetClient.ConnectAsync(Program, patient);
        int before = OutageLines.CountWithout(server);   // etcd may have been slow before
        _etcd.Kill();
        Eventually.Holds(() => OutageLines.Count(server) > before, () => string.Join('\n', server.Errors));
        for (int i = 0; i < 10; i++)
            Assert.That((await Whoami(fleet)).Pid, Is.EqualTo(server.Id));
        _etcd.StartAgain(empty: true);
        await using FleetClient other = await FleetClient.ConnectAsync(Program, patient);
        Assert.That((await Whoami(other)).Pid, Is.EqualTo(server.Id));
        Assert.That((await Whoami(fleet)).Pid, Is.EqualTo(server.Id));
        Assert.That(OutageLines.CountWithout(server), Is.GreaterThan(before), "its end is said");
        OutageLines.EachIsSaidOnce(server);
    }

    [Test]
    public void The_process_that_registers_a_server_logs_as_the_server_does()
    {
        using ServerProcess said = Serve("--lease", "2s", "--log", "json"), silent = Serve("--lease", "2s", "--log-level", "error");
        _etcd.Kill();
        AwaitLine(said, "registrations are written when it answers");
        _etcd.StartAgain();
        AwaitLine(said, "etcd answers again");
        silent.Stop();
        Assert.That(silent.Errors, Has.All.StartsWith("stopped"));
        Assert.That(said.Errors.Count(line => JsonDocument.Parse(line).RootElement.GetProperty("event").GetString() == "name_engine"), Is.AtLeast(2));   // etcd may have been slow before

        static void AwaitLine(ServerProcess server, string text) =>
            Eventually.Holds(() => server.Errors.Any(line => line.Contains(text, StringComparison.Ordinal)), () => string.Join('\n', server.Errors));
    }

    [Test]
    public void A_server_waits_longer_for_an_etcd_that_does_not_answer_yet_than_for_one_that_refuses()
    {
        _etcd.Stop();
        long start = Stopwatch.GetTimestamp();
        using ServerProcess server = ServerProcess.Launch(["serve", "--model", "epoll", "--listen", "tcp://127.0.0.1:0", "--register-at", $"{_etcd.Url}{_prefix}"]);
        try
        {
            Eventually.Holds(() => server.HasExited || Stopwatch.GetElapsedTime(start) > TimeSpan.FromSeconds(7), "time stands still");
            Assert.That(server.HasExited, Is.False, () => string.Join('\n', server.Errors));
        }
        finally
        {
            _etcd.GoOn();
        }

        Eventually.Holds(() => server.HasExited || server.Output.Count > 0, "it does not start");
        Assert.That(server.HasExited, Is.False, () => string.Join('\n', server.Errors));
    }

    [Test]
    public async Task Without_a_server_or_an_etcd_a_call_says_so_in_the_time_that_it_has()
    {
        RpcClientOptions hasty = new() { ReconnectFor = TimeSpan.FromMilliseconds(100), ConnectTimeout = TimeSpan.FromMilliseconds(500) };
        await using FleetClient none = await FleetClient.ConnectAsync($"rpc+{_etcd.Url}/0x20009990", hasty with { ConnectTimeout = Eventually.Deadline });
        Assert.That(none.Servers, Is.Empty);
        Assert.That(async () => await Whoami(none), Throws.InstanceOf<IOException>().With.Message.Contains("none is registered"));
        Assert.That(async () => await FleetClient.ConnectAsync("rpc+etcd://127.0.0.1:9/7", hasty), Throws.InstanceOf<IOException>().With.Message.Contains("etcd at 127.0.0.1:9"));
        Assert.That(async () => await FleetClient.ConnectAsync("rpc+etcd://127.0.0.1:9", hasty), Throws.InstanceOf<FormatException>().With.Message.Contains("rpc+etcd://HOST:PORT/PROGRAM"));
    }

    private static ValueTask<WhoamiRes> Whoami(FleetClient fleet) => fleet.CallAsync(client => new MultiplexV1Client(client).WhoamiAsync());

    private static ValueTask<ulong> Add(FleetClient fleet, ulong number) => fleet.CallAsync(client => new MultiplexV1Client(client).AddAsync(number));

    private ServerProcess Serve(params string[] options) => ServerProcess.Start("epoll", "rpc", ["tcp://127.0.0.1:0"], ["--register-at", $"{_etcd.Url}{_prefix}", .. options]);
}
