using System.Net.Sockets;
using System.Text;
using Mono.Unix.Native;
using Multiplex.Interop;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Kernel;
using NUnit.Framework;

namespace Multiplex.ServerTests.Serve;

/// <summary>The options of a server in a file, and SIGHUP.</summary>
public sealed class ConfigFileTests
{
    private const string Right = """
        # a server
        model = "epoll"
        protocol = "rpc"
        listen = ["tcp://127.0.0.1:0", "unix:@multiplex-config-NAME"]
        idle-timeout = "5m"
        max-connections = 1_000
        echo-any-source = false

        """;

    private string _file = "";

    public static IEnumerable<string> Served => Cells.Served;

    [SetUp]
    public void Make_a_file() => _file = Path.GetTempFileName();

    [TearDown]
    public void Remove_it() => File.Delete(_file);

    [Test]
    public void A_server_is_what_its_file_says()
    {
        Write(Right.Replace("NAME", $"{Guid.NewGuid():N}"));
        ProgramRun check = ProgramRun.Multiplex("check-config", _file);
        Assert.That((check.Status, check.Lines.Single()), Is.EqualTo((0, $"{_file}: no mistake found")));
        using ServerProcess server = ServerProcess.StartProgram(ServerProcess.Command, ["serve", "--config", _file], endpoints: 2);
        foreach (ServerAddress address in server.Addresses)
        {
            using RpcPeer peer = new(address);
            peer.Null();
        }

        Assert.That(server.Output[0], Does.Contain("model=epoll protocol=rpc"));
        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
    }

    [Test]
    public void What_the_command_line_says_counts()
    {
        Write("model = \"fork\"\nprotocol = \"rpc\"\nlisten = \"tcp://127.0.0.1:1\"\n");
        using ServerProcess server = ServerProcess.StartProgram(
            ServerProcess.Command, ["serve", "--model=poll", $"--config={_file}", "--listen", "tcp://127.0.0.1:0"]);
        Assert.That(server.Output.Single(), Does.Contain("model=poll protocol=rpc"));
        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
    }

    [TestCase("modle = \"epoll\"", 1, "modle is no option of serve: did you mean model?")]
    [TestCase("model = \"epoll\"\nlisten = \"tcp://127.0.0.1:0\"\n\nidle-timeout = \"soon\"", 4, "idle-timeout soon: write a time such as 500ms, 10s or 2m")]
    [TestCase("model = \"dance\"\nlisten = \"tcp://127.0.0.1:0\"", 1, "model dance: write ")]
    [TestCase("model = \"epoll\"\nlisten = \"tcp://127.0.0.1:0\"\nmax-connections = \"many\"", 3, "max-connections: write a whole number")]
    [TestCase("model = \"epoll\"\nlisten = \"tcp://127.0.0.1:0\"\nregister = 1", 3, "register: write true or false")]
    [TestCase("model = [\"epoll\"]\nlisten = \"tcp://127.0.0.1:0\"", 1, "model: write a text in quotes")]
    [TestCase("model = \"epoll\"\nlisten = [1]", 2, "listen: write a text in quotes")]
    [TestCase("model = \"epoll\"\nconfig = \"x\"", 2, "config is no option of serve")]
    [TestCase("[serve]\nmodel = \"epoll\"", 1, "serve: there are no tables")]
    [TestCase("model = \"epoll\"\nmodel = \"poll\"", 2, "model is in line 1 too")]
    [TestCase("model = \"epoll\"\nlisten =", 2, "Missing value")]
    [TestCase("model = \"epoll\"\nlisten = \"unix:\"", 2, "listen")]
    [TestCase("model = \"epoll\"\nlisten = \"tcp://127.0.0.1:0\"\nmetrics = \"unix:a\\nb\"", 3, "metrics: write a text in one line, without control characters")]
    [TestCase("model = \"epoll\"\nlisten = \"tcp://127.0.0.1:0\"\ncounters = \"/tmp/a\\u0000b\"", 3, "counters: write a text in one line, without control characters")]
    [TestCase("model = \"epoll\"\nallow = \"\"\"\n192.0.2.1\n\"\"\"\nlisten = \"tcp://127.0.0.1:0\"", 2, "allow: write a text in one line, without control characters")]
    [TestCase("model = \"epoll\"\nlisten = [\"tcp://127.0.0.1:0\", \"tcp://127.0.0.1:0\\t\"]", 2, "listen: write a text in one line, without control characters")]
    [TestCase("model = \"epoll\"\nlisten = \"tcp://127.0.0.1:0\"\nidle-timeout = \" 5m\"", 3, "idle-timeout  5m: write a time such as")]
    [TestCase("model = \"poll\"\nreactors = 2\nlisten = \"tcp://127.0.0.1:0\"", 2, "reactors 2: poll has no reactors")]
    public void A_mistake_is_named_with_its_line(string text, int line, string why)
    {
        Write(text + "\n");
        ProgramRun check = ProgramRun.Multiplex("check-config", _file);
        ProgramRun serve = ProgramRun.Multiplex("serve", "--config", _file);
        Assert.That((check.Status, check.Errors.Single()), Is.EqualTo((2, serve.Errors.Single())));
        Assert.That(serve.Status, Is.EqualTo(2));
        Assert.That(serve.Errors.Single(), Does.StartWith($"multiplex: {_file}:{line}: {why}"));
    }

    [Test]
    public void A_file_that_is_not_there_is_a_failure()
    {
        ProgramRun check = ProgramRun.Multiplex("check-config", "/there/is/none.toml");
        Assert.That((check.Status, check.Errors.Single()), Is.EqualTo((1, check.Errors.Single(line => line.Contains("/there/is/none.toml")))));
    }

    [Test]
    public void A_directory_is_a_failure_that_says_so()
    {
        string folder = Path.GetTempPath();
        string line = $"multiplex: {folder}: it is a directory; write the name of a file";
        ProgramRun check = ProgramRun.Multiplex("check-config", folder), serve = ProgramRun.Multiplex("serve", "--config", folder);
        Assert.That((check.Status, check.Errors.Single(), serve.Status, serve.Errors.Single()), Is.EqualTo((1, line, 1, line)));
    }

    [Test]
    public void An_empty_name_of_a_file_is_wrong_usage()
    {
        foreach (string[] words in (string[][])[["serve", "--config="], ["serve", "--config", ""], ["check-config", ""], ["serve", "--model", "epoll", "--listen", "tcp://127.0.0.1:0", "--counters", ""]])
        {
            ProgramRun run = ProgramRun.Multiplex(words);
            Assert.That((run.Status, run.Errors.Length), Is.EqualTo((2, 1)), string.Join('\n', run.Errors));
            Assert.That(run.Errors[0], Does.EndWith(" is empty: write the name of a file"));
        }
    }

    [TestCaseSource(nameof(Served))]
    public void SIGHUP_changes_what_can_change_and_a_mistake_changes_nothing(string model)
    {
        string[] words = model.Split(' ');
        string Text(string more) => $"model = \"{words[0]}\"\nprotocol = \"rpc\"\nlisten = \"tcp://127.0.0.1:0\"\n{more}\n";
        Write(Text("backlog = 64"));
        string name = $"@multiplex-notify-{Guid.NewGuid():N}";
        using Socket manager = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = (int)Eventually.Deadline.TotalMilliseconds };
        manager.Bind(new UnixDomainSocketEndPoint($"\0{name[1..]}"));
        using ServerProcess server = new(ServerProcess.Command, ["serve", "--config", _file, .. words[1..]], new Dictionary<string, string> { ["NOTIFY_SOCKET"] = name });
        server.AwaitListening(timeout: Eventually.Deadline);
        Assert.That(Received(manager), Does.StartWith("READY=1"));
        Assert.That(server.Answers(), Is.True);

        Reload("deny = \"127.0.0.1\"\nbacklog = 128", "configuration read again: changed deny; with a restart: backlog");
        Assert.That(server.Answers(), Is.False);
        Reload("deny = \"localhost\"", "the configuration has a mistake: nothing is changed");
        Eventually.Holds(() => server.Errors.Any(line => line.StartsWith($"multiplex: {_file}:4: deny localhost", StringComparison.Ordinal)), "the mistake is not named");
        Assert.That(server.Answers(), Is.False);
        Reload("backlog = 128", "configuration read again: changed deny");
        Assert.That(server.Answers(), Is.True);
        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);

        void Reload(string more, string status)
        {
            Write(Text(more));
            server.Signal(Signum.SIGHUP);
            Assert.That(Received(manager), Does.Match("^RELOADING=1\nMONOTONIC_USEC=[0-9]+$"));
            Assert.That(Received(manager), Is.EqualTo($"READY=1\nSTATUS={status}"));
        }
    }

    [TestCase("epoll")]
    [TestCase("threads")]
    public void What_takes_a_restart_has_no_effect_at_SIGHUP_or_in_a_check(string model)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("multiplex-config-");
        string fleet = Path.Combine(folder.FullName, "multiplex-fleet"), started = Path.Combine(folder.FullName, "started");
        File.WriteAllText(fleet, $"#!/bin/sh\necho \"$@\" >>{started}\n");   // is executed where none is beside the command
        Libc.chmod(fleet, 0x1ED).OrThrow("chmod");   // rwxr-xr-x
        string path = $"{folder.FullName}:{Environment.GetEnvironmentVariable("PATH")}", common = $"model = \"{model}\"\nlisten = \"tcp://127.0.0.1:0\"\n";
        string here = $"""
            reply-store = "redis+unix:///nonexistent"
            takeover = "unix:{folder.FullName}/takeover"
            fd-store = true
            counters = "{folder.FullName}/counters"
            metrics = "unix:{folder.FullName}/metrics"
            access-log = "{folder.FullName}/calls"

            """;
        const string Elsewhere = """
            reply-store = "redis+unix:///nonexistent"
            register-at = "etcd://127.0.0.1:1"
            lease = "5s"

            """;
        Write(common);
        using ServerProcess server = new(ServerProcess.Command, ["serve", "--config", _file], new Dictionary<string, string> { ["PATH"] = path });
        server.AwaitListening(timeout: Eventually.Deadline);
        Reload(here, "deny = \"192.0.2.1\"", "changed deny; with a restart: reply-store, takeover, fd-store, counters, metrics, access-log");
        Reload(Elsewhere, "deny = \"192.0.2.2\"", "changed deny; with a restart: takeover, fd-store, counters, metrics, access-log, register-at, lease");
        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
        Assert.That(folder.GetFileSystemInfos().Select(one => one.Name), Is.EqualTo(new[] { "multiplex-fleet" }));
        folder.Delete(recursive: true);

        void Reload(string more, string deny, string status)
        {
            Write(common + more + deny);
            ProgramRun check = ProgramRun.Of("env", [$"PATH={path}", ServerProcess.Command, "check-config", _file]);
            Assert.That((check.Status, check.Lines.SingleOrDefault(), check.Errors.Length), Is.EqualTo((0, $"{_file}: no mistake found", 0)));
            server.Signal(Signum.SIGHUP);
            Eventually.Holds(() => server.Errors.Contains($"multiplex: configuration read again: {status}"), () => string.Join('\n', server.Errors));
            Assert.That(server.Answers(), Is.True);
        }
    }

    [Test]
    public void An_export_that_has_gone_is_no_mistake_at_SIGHUP()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("multiplex-config-"), state = Directory.CreateTempSubdirectory("multiplex-config-");
        string text = $"model = \"epoll\"\nprotocol = \"nfs\"\nexport = \"{folder.FullName}\"\nstate = \"{state.FullName}\"\nlisten = \"tcp://127.0.0.1:0\"\n";
        Write(text);
        using ServerProcess server = ServerProcess.StartProgram(ServerProcess.Command, ["serve", "--config", _file]);
        folder.Delete();
        Write(text + "idle-timeout = \"5m\"");
        server.Signal(Signum.SIGHUP);
        Eventually.Holds(() => server.Errors.Contains("multiplex: configuration read again: changed idle-timeout"), () => string.Join('\n', server.Errors));
        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
        state.Delete(recursive: true);
    }

    [Test]
    public void Another_protocol_in_the_file_changes_no_limit_of_the_one_that_runs()
    {
        const int Descriptors = 1000, OpenFiles = 300, Connections = Descriptors - (3 * OpenFiles);   // more than a server with so many files could have
        string listen = "model = \"epoll\"\nlisten = \"tcp://127.0.0.1:0\"\n";
        Write($"{listen}protocol = \"echo\"\n");
        using ServerProcess server = ServerProcess.StartProgram("/bin/sh", ["-c", $"ulimit -n {Descriptors}; exec \"$0\" \"$@\"", ServerProcess.Command, "serve", "--config", _file]);
        Write($"{listen}protocol = \"nfs\"\nexport = \"{Path.GetTempPath()}\"\nopen-files = {OpenFiles}\n");
        server.Signal(Signum.SIGHUP);
        Eventually.Holds(() => server.Errors.Contains("multiplex: configuration read again: nothing changed; with a restart: protocol, export, open-files"), () => string.Join('\n', server.Errors));
        List<TestClient> clients = [];
        for (int i = 0; i < Connections; i++)
        {
            clients.Add(new(server.Address));
            clients[^1].Exchange("in"u8.ToArray());
        }

        clients.ForEach(client => client.Dispose());
        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
        Assert.That(server.FinalCount(Counter.Refused), Is.Zero);
    }

    [TestCase("allow")]
    [TestCase("deny")]
    public void Networks_longer_than_their_limit_are_a_mistake_and_others_are_not(string option)
    {
        string Text(int networks) => $"model = \"epoll\"\nlisten = \"tcp://127.0.0.1:0\"\n{option} = \"{string.Join(',', Enumerable.Repeat("192.0.2.0", networks))}\"\n";
        Write(Text(6553));
        Assert.That(ProgramRun.Multiplex("check-config", _file).Status, Is.Zero);
        using ServerProcess server = ServerProcess.StartProgram(ServerProcess.Command, ["serve", "--config", _file]);
        Assert.That(server.Answers(), Is.EqualTo(option == "deny"));
        Write(Text(6554));
        ProgramRun check = ProgramRun.Multiplex("check-config", _file), serve = ProgramRun.Multiplex("serve", "--config", _file);
        string line = $"multiplex: {_file}:3: {option}: with --config it has at most 65536 bytes, and this has 65539; write fewer or wider networks";
        Assert.That((check.Status, check.Errors.Single(), serve.Status, serve.Errors.Single()), Is.EqualTo((2, line, 2, line)));
        server.Signal(Signum.SIGHUP);
        Eventually.Holds(() => server.Errors.Contains("multiplex: the configuration has a mistake: nothing is changed"), () => string.Join('\n', server.Errors));
        Assert.That(server.Errors, Does.Contain(line));
        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
    }

    [TestCase("epoll", "--user")]
    [TestCase("prefork", "--user")]
    [TestCase("epoll", "--user", "--chroot")]
    public void A_server_that_cannot_read_the_file_any_more_goes_on_and_says_so(string model, params string[] gives)
    {
        if (Libc.geteuid() != 0)
            Assert.Ignore("only root may become another user");
        string folder = Directory.CreateTempSubdirectory("multiplex-config-").FullName, path = Path.Combine(folder, "notify");
        Write($"model = \"{model}\"\nprotocol = \"rpc\"\nlisten = \"tcp://127.0.0.1:0\"\n");
        Libc.chmod(_file, 0x180).OrThrow("chmod");   // rw-------
        using (Socket manager = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = (int)Eventually.Deadline.TotalMilliseconds })
        {
            manager.Bind(new UnixDomainSocketEndPoint(path));
            Libc.chmod(path, 0x1B6).OrThrow("chmod");   // rw-rw-rw-
            Libc.chmod(folder, 0x1ED).OrThrow("chmod");   // rwxr-xr-x
            string[] options = ["serve", "--config", _file, "--user", $"{AsUser.Nobody}:{AsUser.Nobody}", .. gives.Contains("--chroot") ? (string[])["--chroot", folder] : []];
            using ServerProcess server = new(ServerProcess.Command, options, new Dictionary<string, string> { ["NOTIFY_SOCKET"] = path });
            server.AwaitListening(timeout: Eventually.Deadline);
            Assert.That(Received(manager), Does.StartWith("READY=1"));
            server.Signal(Signum.SIGHUP);
            Assert.That(Received(manager), Does.StartWith("RELOADING=1"));
            Assert.That(Received(manager), Is.EqualTo("READY=1\nSTATUS=the configuration was not read again: nothing is changed"));
            string why = gives.Contains("--chroot") ? "there is no such file" : $"user {AsUser.Nobody} may not read it";
            Eventually.Holds(() => server.Errors.Contains($"multiplex: {_file}: {why}"), "the file is not named");
            Assert.That(server.Answers(), Is.True);
            Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
            Assert.That(Received(manager), Does.StartWith("STOPPING=1"));
        }

        Directory.Delete(folder, recursive: true);
    }

    private void Write(string text) => File.WriteAllText(_file, text);

    private static string Received(Socket manager)
    {
        byte[] state = new byte[4096];
        return Encoding.UTF8.GetString(state.AsSpan(0, manager.Receive(state)));
    }
}
