using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Handover;

/// <summary>A server serves the sockets that a service manager passes, sd_listen_fds(3), and leaves them as they are when it stops.</summary>
public sealed class PassedSocketTests
{
    public static IEnumerable<string> Served => Cells.Served;

    [TestCaseSource(nameof(Served))]
    public void Every_kind_is_served(string model)
    {
        string[] forms = [.. Cells.FormsOf(model).Select(form => form.NewEndpoint())];
        using ServerProcess server = Manager.Start(
            runs: 1, [.. forms.Select(form => $"web={form}"), "more=tcp://127.0.0.1:0", "spare=tcp://127.0.0.1:0"], forms.Length + 1, model, "--listen", "fd:web", "--listen", "fd:more");
        Assert.That(server.Addresses.Select(address => address.Kind), Is.EqualTo([.. Cells.FormsOf(model).Select(form => form.Kind()), Sockets.EndpointKind.Tcp]));
        foreach (ServerAddress address in server.Addresses)
        {
            using RpcPeer peer = new(address);
            Assert.That(peer.Echo("passed"u8.ToArray()), Is.EqualTo("passed"u8.ToArray()), address.Text);
        }

        Manager.StopServer(server, run: 1);
        Assert.That(server.WaitForExit(Eventually.Deadline), Is.Zero);
        Assert.That(server.Errors.Single(line => line.Contains("spare")), Does.EndWith("that was passed as spare is closed: no --listen fd:spare asks for it"));
        foreach (string path in server.Addresses.Select(address => address.FilePath).OfType<string>())
            Assert.That(File.Exists(path), Is.True, "the name belongs to the manager");
    }

    [TestCaseSource(nameof(Served))]
    public void A_stop_leaves_what_is_in_the_queue_to_the_next_server(string model)
    {
        const int Runs = 3, Clients = 4;
        string path = ListenForm.UnixPath.NewEndpoint();
        using ServerProcess server = Manager.Start(Runs, ["web=tcp://127.0.0.1:0", $"web={path}"], 2, model, "--listen", "fd:web");
        using CancellationTokenSource done = new();
        ServerAddress[] addresses = [.. server.Addresses];
        Task<int>[] clients = [.. Enumerable.Range(0, Clients).Select(i => Task.Factory.StartNew(() => CallUntil(addresses[i % 2], done.Token), TaskCreationOptions.LongRunning))];
        for (int run = 1; run <= Runs; run++)
        {
            Eventually.Holds(() => Manager.ProcessOf(server, run) != 0, () => $"run {run} does not listen: {string.Join('\n', server.Errors)}");
            using (RpcPeer peer = new(addresses[0]))
                peer.Null();
            if (run < Runs)
                Manager.StopServer(server, run);
        }

        done.Cancel();
        Assert.That(clients.Sum(client => client.GetAwaiter().GetResult()), Is.GreaterThan(Clients));
        Manager.StopServer(server, Runs);
        Assert.That(server.WaitForExit(Eventually.Deadline), Is.Zero);
    }

    [TestCaseSource(nameof(Served))]
    public void Datagrams_in_the_queue_are_left_to_the_next_server(string model)
    {
        if (!Cells.FormsOf(model).Contains(ListenForm.Udp))
            return;
        using ServerProcess server = Manager.Start(2, ["web=udp://127.0.0.1:0"], 1, model, "--listen", "fd:web");
        using RpcPeer peer = new(server.Address);
        peer.Null();
        Manager.StopServer(server, run: 1);
        Eventually.Holds(() => Manager.ProcessOf(server, 2) != 0, "the next server does not listen");
        peer.Null();   // no filter is left on the socket
        Manager.StopServer(server, run: 2);
        Assert.That(server.WaitForExit(Eventually.Deadline), Is.Zero);
    }

    [TestCaseSource(nameof(Served))]
    public void Stored_replies_are_known_to_the_next_server(string model)
    {
        using ServerProcess server = Manager.Start(2, ["web=tcp://127.0.0.1:0"], 1, model, "--listen", "fd:web", "--fd-store");
        byte[] call = RpcWire.CallAs(9, RpcWire.Add, RpcWire.AuthSys, RpcWire.SysCredential(0x8123_4567, "stored"), RpcWire.Hyper(5));
        byte[] first = Exchange(server.Address, call);
        ServerProcess.Signal(Manager.ProcessOf(server, run: 1), Signum.SIGKILL);
        Assert.That(Exchange(server.Address, call), Is.EqualTo(first), "after a kill");
        Assert.That(Exchange(server.Address, RpcWire.Call(10, RpcWire.Add, RpcWire.Hyper(1)))[24..], Is.EqualTo(RpcWire.Hyper(6)), "the sum is kept");
        Eventually.Holds(() => Manager.ProcessOf(server, 2) != 0, "the next server does not listen");
        Manager.StopServer(server, run: 2);
        Assert.That(server.WaitForExit(Eventually.Deadline), Is.Zero);
    }

    [TestCase("connection:", "fd:web: the socket is a connection, as with Accept=yes: pass the listening socket, Accept=no")]
    [TestCase("closed:tcp://127.0.0.1:0", "fd:web: the socket is not listening: call listen(2) before it is passed")]
    [TestCase("file:/dev/null", "fd:web: descriptor 3 is no socket")]
    public void What_is_no_listening_socket_is_refused(string passed, string problem)
    {
        using ServerProcess server = Manager.Launch(1, [$"web={passed}"], "epoll", "--listen", "fd:web");
        Assert.That(server.WaitForExit(Eventually.Deadline), Is.EqualTo(1));
        Assert.That(server.Errors, Is.EqualTo([$"multiplex: {problem}"]));
    }

    [TestCase("poll", "web=udp://127.0.0.1:0", "fd:mail", "--listen fd:mail: no descriptor is called mail: there is web")]
    [TestCase("poll", "udp://127.0.0.1:0", "fd:mail", "--listen fd:mail: no descriptor is called mail: there is unknown")]
    [TestCase("threads", "web=udp://127.0.0.1:0", "fd:web", "--listen fd:web: threads does not serve udp: endpoints; ")]
    public void What_was_not_passed_or_is_not_served_is_wrong_usage(string model, string passed, string listen, string problem)
    {
        using ServerProcess server = Manager.Launch(1, [passed], model, "--listen", listen);
        Assert.That(server.WaitForExit(Eventually.Deadline), Is.EqualTo(2));
        Assert.That(server.Errors.Single(), Does.StartWith($"multiplex: {problem}"));
    }

    [TestCase("fork")]
    [TestCase("prefork")]
    [TestCase("epoll")]
    public void Systemds_own_activation_passes_a_stream_without_a_name(string model)
    {
        string path = ListenForm.UnixPath.NewEndpoint()["unix:".Length..];
        using ServerProcess server = ServerProcess.LaunchProgram(
            Tools.Require("systemd-socket-activate"), ["--listen", path, ServerProcess.Command, .. ServerProcess.ServeArguments(model, "rpc", "fd:unknown")]);
        Eventually.Holds(() => File.Exists(path), "systemd-socket-activate does not listen");
        ServerAddress address = new(Sockets.Endpoint.Parse($"unix:{path}"));
        Eventually.Holds(address.TakesConnections, "systemd-socket-activate does not accept");   // bind(2) comes before listen(2); this starts the server
        using (RpcPeer peer = new(address))
            peer.Null();
        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
        Assert.That(File.Exists(path), Is.True);
        File.Delete(path);
    }

    [Test]
    public void Systemds_own_activation_passes_datagrams_by_their_name()
    {
        string path = ListenForm.UnixGram.NewEndpoint()["unixgram:".Length..];
        using ServerProcess server = ServerProcess.LaunchProgram(
            Tools.Require("systemd-socket-activate"), ["--datagram", "--fdname=rpc", "--listen", path, ServerProcess.Command, .. ServerProcess.ServeArguments("poll", "rpc", "fd:rpc")]);
        Eventually.Holds(() => File.Exists(path), "systemd-socket-activate does not listen");
        using (RpcPeer peer = new(new ServerAddress(Sockets.Endpoint.Parse($"unixgram:{path}"))))
            peer.Null();
        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
        File.Delete(path);
    }

    private static byte[] Exchange(ServerAddress address, byte[] call)
    {
        using RpcPeer peer = new(address);
        return peer.Exchange(call);
    }

    // Each call on a connection of its own: none is refused, and none remains without its reply.
    private static int CallUntil(ServerAddress address, CancellationToken done)
    {
        int calls = 0;
        for (; !done.IsCancellationRequested; calls++)
        {
            using RpcPeer peer = new(address);
            peer.Null();
            peer.Client.Vanish();   // without TIME_WAIT: so many connections would take the ports that other tests choose
        }

        return calls;
    }
}
