using System.Net.Sockets;
using Multiplex.Interop;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Kernel;
using NUnit.Framework;

namespace Multiplex.ServerTests.Handover;

/// <summary>A new server takes over from the running one, <c>serve --takeover</c>: no client is refused, no call is lost, and none is run twice.</summary>
public sealed class TakeoverTests
{
    public static IEnumerable<string> Served => Cells.Served;

    [TestCaseSource(nameof(Served))]
    public void An_upgrade_refuses_no_client_and_runs_each_call_once(string model)
    {
        Upgrades upgrades = new(model, [.. Cells.FormsOf(model).DistinctBy(form => form.Kind())]);
        UpgradeUnderLoad(upgrades, [model, model], Cells.ServesSeveralClients(model, ListenForm.Tcp) ? 2 : 0);
    }

    [Test]
    public void Ten_upgrades_in_a_row_go_over_all_models()
    {
        string[] models = [.. Cells.ModelsThatServeMany];
        Upgrades upgrades = new(models[0], [ListenForm.Tcp, ListenForm.UnixPath]);
        string[] next = [.. Enumerable.Range(1, 10).Select(i => models[i % models.Length])];
        UpgradeUnderLoad(upgrades, next, holding: 2);
    }

    [TestCase("reactors --reactors 3", "reactors --reactors 2")]
    [TestCase("reactors --reactors 2", "epoll")]
    [TestCase("epoll", "uring --reactors 3")]
    public void The_number_of_loops_may_change(string from, string to)
    {
        Upgrades upgrades = new(from, [ListenForm.Tcp]);
        UpgradeUnderLoad(upgrades, [to, from], holding: 2);
    }

    [TestCase("reactors --reactors 2 --user 65534:65534", "prefork --user 65534:65534")]
    public void Root_takes_over_from_a_server_that_has_become_another_user(string from, string to)
    {
        if (Libc.geteuid() != 0)
            Assert.Ignore("only root may become another user");
        Upgrades upgrades = new(from, [ListenForm.Tcp]);
        UpgradeUnderLoad(upgrades, [to, from], holding: 2);
    }

    [TestCaseSource(nameof(Served))]
    public void A_client_that_had_connected_before_gets_the_reply_to_its_first_call(string model)
    {
        using Upgrades upgrades = new(model, [ListenForm.Tcp]);
        ServerProcess first = upgrades.Start(model);
        using RpcPeer early = new(first.Address);
        if (Cells.ServesSeveralClients(model, ListenForm.Tcp))
        {
            // The first server has accepted it: a later one was served.
            using RpcPeer later = new(first.Address);
            later.Null();
        }

        ServerProcess second = upgrades.Start(model);
        early.Null();
        Assert.That(first.WaitForExit(Eventually.Deadline), Is.Zero);
        Assert.That(first.FinalCount(Counter.CutOff), Is.Zero);
        using RpcPeer late = new(second.Address);
        late.Null();
    }

    [Test]
    public void A_call_that_the_server_before_has_run_is_known()
    {
        using Upgrades upgrades = new("poll", [ListenForm.Tcp, ListenForm.Udp]);
        byte[] call = AddOne(7, RpcWire.SysCredential(0x8123_4567, "upgrade"));
        ServerProcess first = upgrades.Start("poll");
        byte[][] replies = [.. first.Addresses.Select(address => Exchange(address, call))];
        ServerProcess second = upgrades.Start("prefork");
        Assert.That(second.Addresses.Select(address => Exchange(address, call)), Is.EqualTo(replies));
        Assert.That(first.WaitForExit(Eventually.Deadline), Is.Zero);
        Assert.That(first.FinalCount(Counter.SocketsHandedOver), Is.EqualTo(2));
    }

    [Test]
    public void Replies_that_the_new_server_has_no_room_for_are_forgotten_with_a_warning()
    {
        using Upgrades upgrades = new("epoll", [ListenForm.Tcp]);
        upgrades.Start("epoll");
        ServerProcess second = upgrades.Start("epoll --reply-cache 16");
        Eventually.Holds(() => second.Errors.Any(line => line.StartsWith("multiplex: multiplex-reply-cache of the server before is not used", StringComparison.Ordinal)), "no warning");
    }

    [Test]
    public void A_server_that_does_not_listen_at_all_endpoints_takes_none_over()
    {
        using Upgrades upgrades = new("epoll", [ListenForm.Tcp, ListenForm.UnixPath]);
        ServerProcess first = upgrades.Start("epoll");
        ProgramRun second = ProgramRun.Multiplex([.. ServerProcess.ServeArguments("epoll", "rpc", "tcp://127.0.0.1:0"), "--takeover", upgrades.At]);
        Assert.That(second.Status, Is.EqualTo(1));
        Assert.That(second.Errors.Single(), Does.StartWith($"multiplex: --takeover {upgrades.At}: the server there serves unix:").And.EndWith("or stop that server first"));
        foreach (ServerAddress address in first.Addresses)
            Exchange(address, RpcWire.Call(1, RpcWire.Null));
        Assert.That(first.Stop(Eventually.Deadline), Is.Zero);
        Assert.That(File.Exists(first.Addresses[1].FilePath), Is.False, "the running server has removed its own name");
    }

    [Test]
    public void What_is_no_server_is_refused()
    {
        string name = $"@multiplex-upgrade-{Guid.NewGuid():N}";
        using Socket other = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        other.Bind(new UnixDomainSocketEndPoint($"\0{name[1..]}"));
        other.Listen();
        Task answering = Task.Run(() =>
        {
            using Socket accepted = other.Accept();
            accepted.Send("multiplex-handover 99\0"u8);
        });
        ProgramRun run = ProgramRun.Multiplex([.. ServerProcess.ServeArguments("epoll", "rpc", "tcp://127.0.0.1:0"), "--takeover", $"unix:{name}"]);
        answering.GetAwaiter().GetResult();
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(run.Errors, Is.EqualTo([$"multiplex: --takeover unix:{name}: the server there says 'multiplex-handover 99' in place of 'multiplex-handover 1'"]));
    }

    [TestCase("epoll")]
    [TestCase("prefork")]
    public void Another_user_gets_nothing(string model)
    {
        using Upgrades upgrades = new(model, [ListenForm.Tcp]);
        ServerProcess first = upgrades.Start(model);
        int received = AsUser.Run(AsUser.Nobody, () =>
        {
            using Socket next = Stream();
            next.Connect(upgrades.Address);
            return next.Receive(new byte[1]);
        });
        Assert.That(received, Is.Zero);
        Eventually.Holds(() => first.Errors.Any(line => line.StartsWith($"multiplex: user {AsUser.Nobody} may not take over", StringComparison.Ordinal)), "the refusal is not reported");
        Exchange(first.Address, RpcWire.Call(1, RpcWire.Null));
    }

    [Test]
    public void A_server_of_another_user_is_not_asked()
    {
        using Upgrades upgrades = new("epoll", [ListenForm.Tcp]);
        using Socket other = AsUser.Run(AsUser.Nobody, () =>
        {
            Socket listening = Stream();
            listening.Bind(upgrades.Address);
            listening.Listen();
            return listening;
        });
        ProgramRun run = ProgramRun.Multiplex([.. ServerProcess.ServeArguments("epoll", "rpc", "tcp://127.0.0.1:0"), "--takeover", upgrades.At]);
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(run.Errors.Single(), Does.EndWith("only the same user may take over"));
    }

    [TestCase("epoll")]
    [TestCase("prefork")]
    public void A_new_server_that_fails_before_it_serves_leaves_the_running_one_as_it_is(string model)
    {
        using Upgrades upgrades = new(model, [ListenForm.UnixPath]);
        ServerProcess first = upgrades.Start(model);
        using (Socket next = Stream())
        {
            next.Connect(upgrades.Address);
            next.Receive(new byte[1]);   // it has begun
        }

        Exchange(first.Address, RpcWire.Call(1, RpcWire.Null));
        ServerProcess second = upgrades.Start(model);
        Assert.That(first.WaitForExit(Eventually.Deadline), Is.Zero);
        Exchange(second.Address, RpcWire.Call(1, RpcWire.Null));
        Assert.That(second.Stop(Eventually.Deadline), Is.Zero);
        Assert.That(File.Exists(second.Address.FilePath), Is.False, "the last server removes the name");
    }

    private static void UpgradeUnderLoad(Upgrades upgrades, string[] next, int holding)
    {
        const int Anew = 2;
        using Upgrades disposed = upgrades;
        ServerProcess server = upgrades.Start(upgrades.First);
        ServerAddress[] addresses = [.. server.Addresses];
        using CancellationTokenSource done = new();
        int refused = 0, lost = 0;
        Task<int>[] clients = [.. Enumerable.Range(0, Anew + holding).Select(i => Task.Factory.StartNew(
            () => Client(addresses[i % addresses.Length], holds: i >= Anew, (uint)i, ref refused, ref lost, done.Token), TaskCreationOptions.LongRunning))];
        foreach (string model in next)
        {
            ServerProcess before = server;
            server = upgrades.Start(model);
            Assert.That(server.Endpoints, Is.EqualTo(before.Endpoints), "the addresses stay");
            Assert.That(before.WaitForExit(Eventually.Deadline), Is.Zero, () => string.Join('\n', before.Errors));
            Assert.That(before.FinalCount(Counter.SocketsHandedOver), Is.AtLeast(addresses.Length));
        }

        done.Cancel();
        int acknowledged = clients.Sum(client => client.GetAwaiter().GetResult());
        using RpcPeer peer = new(addresses[0]);
        Assert.Multiple(() =>
        {
            Assert.That(refused, Is.Zero, "connections refused");
            Assert.That(lost, Is.Zero, "calls without a reply on a connection of their own");
            Assert.That(peer.Add(0), Is.EqualTo((ulong)acknowledged), "each call was run once");
        });
        Assert.That(acknowledged, Is.AtLeast(clients.Length));
    }

    // Each call adds one. The client ends when the token is cancelled. If a connection ends before the reply, the client sends the call again on a new connection: the
    // server closes a held connection between two calls, and a call may be on its way then.
    private static int Client(ServerAddress address, bool holds, uint number, ref int refused, ref int lost, CancellationToken done)
    {
        byte[] credential = RpcWire.SysCredential(0x8000_0000 | (uint)Random.Shared.Next(), $"client-{number}");
        RpcPeer? held = null;
        int calls = 0;
        for (uint xid = 1; calls == 0 || !done.IsCancellationRequested; xid++)
        {
            byte[] call = AddOne(xid, credential);
            for (bool isAnswered = false; !isAnswered;)
            {
                try
                {
                    held ??= Connected(address, ref refused);
                    byte[] reply = held.Exchange(call);
                    if (reply.Length == 0)
                        throw new EndOfStreamException();   // of a connection that keeps messages
                    isAnswered = reply.AsSpan(0, 4).SequenceEqual(RpcWire.UInt(xid));
                }
                catch (Exception e) when (e is SocketException or EndOfStreamException)
                {
                    held?.Dispose();
                    held = null;
                    if (!holds)
                        Interlocked.Increment(ref lost);
                }
            }

            calls++;
            if (holds)
                continue;
            held?.Client.Vanish();   // without TIME_WAIT: so many connections would take the ports that other tests choose
            held?.Dispose();
            held = null;
        }

        held?.Dispose();
        return calls;
    }

    private static RpcPeer Connected(ServerAddress address, ref int refused)
    {
        try
        {
            return new(address);
        }
        catch (SocketException)
        {
            Interlocked.Increment(ref refused);
            throw;
        }
    }

    private static Socket Stream() =>
        new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = (int)Eventually.Deadline.TotalMilliseconds };

    private static byte[] AddOne(uint xid, byte[] credential) => RpcWire.CallAs(xid, RpcWire.Add, RpcWire.AuthSys, credential, RpcWire.Hyper(1));

    private static byte[] Exchange(ServerAddress address, byte[] call)
    {
        using RpcPeer peer = new(address);
        return peer.Exchange(call);
    }

    /// <summary>Servers, each of which takes over from the one before.</summary>
    private sealed class Upgrades(string first, ListenForm[] forms) : IDisposable
    {
        private readonly List<ServerProcess> _servers = [];
        private readonly string[] _endpoints = [.. forms.Select(form => form.NewEndpoint())];

        public string First => first;

        public string At { get; } = $"unix:@multiplex-upgrade-{Guid.NewGuid():N}";

        public UnixDomainSocketEndPoint Address => new($"\0{At["unix:@".Length..]}");

        public ServerProcess Start(string model)
        {
            ServerProcess server = ServerProcess.Start(model, "rpc", _endpoints, "--takeover", At, "--drain", $"{Eventually.Deadline.TotalSeconds}s");
            _servers.Add(server);
            return server;
        }

        public void Dispose() => _servers.ForEach(server => server.Dispose());
    }
}
