using System.Text.Json;
using System.Text.RegularExpressions;
using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Command;

/// <summary><c>multiplex trace</c>: real servers under strace(1), and the page that shows them.</summary>
public sealed partial class TraceTests
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(10);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    [OneTimeTearDown]
    public void RemovePages() => _folder.Delete(recursive: true);

    [Test]
    public void Every_model_is_drawn_with_the_calls_in_the_order_of_straces_own_log([ValueSource(typeof(Cells), nameof(Cells.Models))] string model)
    {
        JsonElement scene = Trace(model, "--models", model, "--logs", _folder.FullName).Single();
        Assert.That(scene.GetProperty("name").GetString(), Is.EqualTo(model));
        Call[] drawn = CallsOf(scene);
        Assert.That(drawn.Count(call => call.Lane.IsClient), Is.GreaterThan(20));
        foreach (bool isClient in new[] { true, false })
        {
            string[] log = File.ReadAllLines(Path.Combine(_folder.FullName, $"{model}.{(isClient ? "clients" : "server")}.strace"));
            long start = scene.GetProperty("start").GetInt64(), end = start + DurationOf(scene);
            HashSet<int> threads = [.. LanesOf(scene).Where(lane => lane.IsClient == isClient).Select(lane => lane.Thread)];
            var logged = log.Select(line => Began().Match(line)).Where(match => match.Success)
                .Select(match => (Time: long.Parse(match.Groups["time"].Value.Replace(".", "")), Thread: int.Parse(match.Groups["thread"].Value), Name: match.Groups["name"].Value))
                .Where(call => threads.Contains(call.Thread) && call.Time >= start && call.Time < end);
            Assert.That(
                drawn.Where(call => call.Lane.IsClient == isClient && call.Kind == "call" && call.Start >= 0).Select(call => (Time: call.Start + start, call.Lane.Thread, call.Name)),
                Is.EqualTo(logged).AsCollection);
        }
    }

    [Test]
    public void Every_client_is_served_and_each_model_does_it_its_own_way([ValueSource(typeof(Cells), nameof(Cells.Models))] string model)
    {
        JsonElement scene = Trace($"{model}2", "--models", model).Single();
        Call[] server = [.. CallsOf(scene).Where(call => !call.Lane.IsClient)];
        Lane[] lanes = [.. LanesOf(scene).Where(lane => !lane.IsClient)];
        Assert.That(scene.GetProperty("clients").EnumerateArray().Select(client => client.GetString()), Is.EqualTo(new[] { "quick", "pieces", "slow" }));
        Assert.That(server.Select(call => call.Client).Distinct(), Is.SupersetOf(new[] { 0, 1, 2 }));
        Assert.That(server.Where(call => call.Client >= 0 && call.FiveTuple.Length > 0).Select(call => call.FiveTuple).Distinct().Count(), Is.EqualTo(3));
        int Arrows(string kind) => scene.GetProperty("arrows").EnumerateArray().Count(arrow => arrow.GetProperty("kind").GetString() == kind);
        Assert.That(Arrows("connection"), Is.EqualTo(3));
        Assert.That(Arrows("bytes"), Is.AtLeast(9), "five sends and five replies, of which two may come by one recv");
        Assert.That(scene.GetProperty("steps").GetArrayLength(), Is.AtLeast(30));

        int processes = lanes.Select(lane => lane.Process).Distinct().Count();
        int born = lanes.Count(lane => lane.Born > 0);
        int busiest = lanes.Max(lane => server.Where(call => call.Lane == lane && call.FiveTuple.Length > 0).Select(call => call.Client).Distinct().Count());
        string[] names = [.. server.Select(call => call.Name).Distinct()];
        switch (model)
        {
            case "iterative":
                Assert.That((processes, lanes.Length, born, busiest), Is.EqualTo((1, 1, 0, 3)));
                break;
            case "fork":
                Assert.That((processes, born, Arrows("birth"), Arrows("signal")), Is.EqualTo((4, 3, 3, 3)));
                break;
            case "prefork":
                Assert.That((processes, born), Is.EqualTo((5, 0)), "the parent and four workers");
                break;
            case "threads":
                Assert.That((processes, born, Arrows("birth")), Is.EqualTo((1, 3, 3)));
                break;
            case "pool":
                Assert.That((processes, lanes.Length, born), Is.EqualTo((1, 5, 0)), "the accepting thread and four workers");
                Assert.That(Arrows("wake"), Is.Positive);
                break;
            case "select" or "poll" or "epoll":
                Assert.That((lanes.Length, busiest), Is.EqualTo((1, 3)));
                Assert.That(names, Does.Contain(model switch { "select" => "pselect6", "epoll" => "epoll_wait", _ => "poll" }));
                break;
            case "reactors":
                Assert.That((processes, lanes.Length, born), Is.EqualTo((1, Environment.ProcessorCount, 0)));
                break;
            case "hybrid":
                Assert.That((processes, lanes.Length, born, busiest), Is.EqualTo((1, 5, 0, 3)));
                Assert.That(Arrows("wake"), Is.Positive);
                break;
            case "uring":
                Assert.That((lanes.Length, busiest), Is.EqualTo((1, 3)));
                Assert.That(names, Does.Contain("io_uring_enter").And.Not.Contain("recvfrom"));
                Assert.That(scene.GetProperty("arrows").EnumerateArray().Any(arrow => arrow.GetProperty("inferred").GetBoolean()));
                break;
            default:
                Assert.Fail($"{model}: say what its picture shows");
                break;
        }
    }

    [Test]
    public void A_server_of_others_is_drawn_with_the_processes_that_it_starts()
    {
        string ncat = Tools.Require("ncat");
        JsonElement[] scenes = [.. Trace("peer", "--models", "iterative", "--protocol", "echo", "--peer", $"<ncat>=exec {ncat} --listen --keep-open --exec /bin/cat 127.0.0.1 {{port}}")];
        Assert.That(scenes.Select(scene => scene.GetProperty("name").GetString()), Is.EqualTo(new[] { "iterative", "<ncat>" }));
        Assert.That(LanesOf(scenes[1]).Count(lane => !lane.IsClient && lane.Born > 0), Is.EqualTo(6), "for each client a child that relays, and cat(1)");
        Assert.That(CallsOf(scenes[1]).Count(call => call.Name == "execve" && call.Lane.Born > 0), Is.AtLeast(3));
    }

    [Test]
    public void A_running_server_is_attached_to_and_goes_on_afterwards()
    {
        Tools.Require("strace");
        using ServerProcess server = ServerProcess.Start(ServerProcess.Command, ["serve", "--model", "epoll", "--listen", "tcp://127.0.0.1:0"]);
        using CancellationTokenSource enough = new();
        Task calls = Task.Run(() =>
        {
            // A connection for each call, and a pause: the page is to have few of them.
            while (!enough.Token.WaitHandle.WaitOne(s_pause))
            {
                using RpcPeer peer = new(server.Address);
                Assert.That(peer.Echo([1, 2, 3]), Is.EqualTo((byte[])[1, 2, 3]));
            }
        });
        JsonElement scene = Trace("attached", "--attach", $"{server.Id}", "--for", "2s").Single();
        enough.Cancel();
        calls.GetAwaiter().GetResult();
        Assert.That(LanesOf(scene).Where(lane => !lane.IsClient).Select(lane => lane.Process).Distinct(), Is.EqualTo(new[] { server.Id }));
        Call[] drawn = CallsOf(scene);
        Assert.That(drawn.Where(call => call.Name == "accept4" && call.FiveTuple.Length > 0), Is.Not.Empty);
        Assert.That(drawn.Where(call => call.FiveTuple.Length > 0), Has.All.Property(nameof(Call.FiveTuple)).Contains($" → 127.0.0.1:{server.Endpoint.Port}"));
        Assert.That(server.Stop(), Is.Zero);
    }

    // To the whole group, as a terminal does for Ctrl-C: then strace(1) takes it too.
    [TestCase(Signum.SIGTERM, false)]
    [TestCase(Signum.SIGINT, false)]
    [TestCase(Signum.SIGINT, true)]
    public void A_signal_ends_a_recording_detaches_strace_and_leaves_no_file(Signum signal, bool goesToAll)
    {
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.Tcp);
        DirectoryInfo temporary = _folder.CreateSubdirectory($"{signal} {goesToAll}");
        string page = Path.Combine(temporary.FullName, "trace.html");
        using ServerProcess trace = Launch(temporary, "--attach", $"{server.Id}", "--for", "600s", "--out", page);
        Eventually.Holds(() => TracerOf(server.Id) != 0, "strace does not attach");
        if (goesToAll)
            trace.SignalAll(signal);
        else
            trace.Signal(signal);
        AssertInterrupted(trace, temporary);
        Assert.That(TracerOf(server.Id), Is.Zero);
        Assert.That(File.Exists(page), Is.False);
        Assert.That(server.Answers());
    }

    // Without the signal the wait for the server would last 30 s.
    [Test]
    public void A_signal_ends_the_wait_for_a_server_that_does_not_listen()
    {
        DirectoryInfo temporary = _folder.CreateSubdirectory("deaf");
        using ServerProcess trace = Launch(temporary, "--models", "none", "--peer", "deaf=exec sleep 600 {port}", "--out", Path.Combine(temporary.FullName, "trace.html"));
        Eventually.Holds(() => temporary.GetFiles("deaf.server.strace", SearchOption.AllDirectories) is [{ Length: > 0 }], "the server is not started");
        trace.Signal(Signum.SIGTERM);
        Assert.That(trace.HasExitedWithin(TimeSpan.FromSeconds(20)), Is.True);
        AssertInterrupted(trace, temporary);
    }

    [Test]
    public void A_signal_ends_a_story_and_its_server()
    {
        string ncat = Tools.Require("ncat");
        DirectoryInfo temporary = _folder.CreateSubdirectory("story");
        using ServerProcess trace = Launch(
            temporary, "--models", "none", "--peer", $"mute=exec {ncat} --listen --keep-open --sh-exec 'exec sleep 600' 127.0.0.1 {{port}}", "--out", Path.Combine(temporary.FullName, "trace.html"));
        Eventually.Holds(() => temporary.GetFiles("mute.clients.strace", SearchOption.AllDirectories) is [{ Length: > 0 }], "the clients do not begin");
        trace.Signal(Signum.SIGTERM);
        AssertInterrupted(trace, temporary);
    }

    [Test]
    public void Strace_ends_with_a_trace_that_is_killed()
    {
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.Tcp);
        using ServerProcess trace = Launch(_folder.CreateSubdirectory("killed"), "--attach", $"{server.Id}", "--for", "600s");
        Eventually.Holds(() => TracerOf(server.Id) != 0, "strace does not attach");
        trace.Signal(Signum.SIGKILL);
        Eventually.Holds(() => TracerOf(server.Id) == 0, "strace is attached still");
        Assert.That(server.Answers());
    }

    [Test]
    public void The_lanes_come_as_text_and_for_Perfetto_too()
    {
        Tools.Require("strace");
        string file = Path.Combine(_folder.FullName, "perfetto.json");
        ProgramRun run = ProgramRun.Multiplex("trace", "--models", "poll,uring", "--text", "--perfetto", file, "--out", Path.Combine(_folder.FullName, "text.html"));
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', run.Errors));

        // On a busy machine the clients are served in another order than they come.
        string[] lanes = [.. run.Lines.Where(line => line.StartsWith("the server ", StringComparison.Ordinal))];
        Assert.That(lanes, Has.Length.EqualTo(2));
        Assert.That(lanes, Has.All.Match("[ABC]"));
        Assert.That(run.Lines[^1], Does.EndWith("text.html"));
        using JsonDocument perfetto = JsonDocument.Parse(File.ReadAllBytes(file));
        Assert.That(perfetto.RootElement.GetProperty("traceEvents").EnumerateArray().Count(one => one.GetProperty("name").GetString() == "io_uring_enter"), Is.Positive);
    }

    [Test]
    public void Without_strace_one_line_says_so()
    {
        ProgramRun run = ProgramRun.Of("/usr/bin/env", ["PATH=/nowhere", ServerProcess.Command, "trace"]);
        Assert.That((run.Status, run.Errors.Single()), Is.EqualTo((1, "multiplex: trace records with strace(1), which is not in PATH: install the package strace")));
    }

    [Test]
    public void A_strace_that_may_not_be_executed_and_one_that_cannot_be_are_said()
    {
        string folder = _folder.CreateSubdirectory("not executable").FullName, strace = Path.Combine(folder, "strace");
        File.WriteAllBytes(strace, [0x7f, (byte)'E', (byte)'L', (byte)'F']);
        ProgramRun run = ProgramRun.Of("/usr/bin/env", [$"PATH={folder}", ServerProcess.Command, "trace", "--out", Path.Combine(folder, "trace.html")]);
        Assert.That((run.Status, run.Errors.Single()), Is.EqualTo((1, $"multiplex: trace records with strace(1), and {strace} may not be executed")));
        Assert.That(Syscall.chmod(strace, FilePermissions.S_IRUSR | FilePermissions.S_IXUSR), Is.Zero);
        run = ProgramRun.Of("/usr/bin/env", [$"PATH={folder}", ServerProcess.Command, "trace", "--models", "poll", "--out", Path.Combine(folder, "trace.html")]);
        Assert.That((run.Status, run.Errors.Single()), Is.EqualTo((1, $"multiplex: {strace} cannot be executed: Exec format error")));
    }

    [Test]
    public void A_directory_for_temporary_files_that_is_not_there_is_named()
    {
        Tools.Require("strace");
        ProgramRun run = ProgramRun.Of("/usr/bin/env", ["TMPDIR=/nonexistent", ServerProcess.Command, "trace", "--models", "poll", "--out", Path.Combine(_folder.FullName, "nowhere.html")]);
        Assert.That((run.Status, run.Errors.Single()), Is.EqualTo((1, "multiplex: no temporary directory can be made in /nonexistent/ (TMPDIR): there is no such directory")));
    }

    [Test]
    public void The_page_goes_to_standard_output_alone_where_it_is_asked_for()
    {
        Tools.Require("strace");
        ProgramRun run = ProgramRun.Multiplex("trace", "--models", "poll", "--out", "-");
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', run.Errors));
        Assert.That(run.Lines[0], Does.StartWith("<!"));
        Assert.That(ScenesIn(string.Join('\n', run.Lines)).Single().GetProperty("name").GetString(), Is.EqualTo("poll"));
        Assert.That(run.Lines, Has.None.Contains("The page:"));
    }

    [Test]
    public void What_cannot_be_traced_is_said_and_the_others_are_drawn()
    {
        Tools.Require("strace");
        string page = Path.Combine(_folder.FullName, "broken.html");
        ProgramRun run = ProgramRun.Multiplex("trace", "--models", "poll", "--peer", "broken=echo no port {port} >&2; exit 3", "--out", page);
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(run.Errors.Single(), Does.Match("^multiplex: broken is not drawn: .*ended with status 3: no port [0-9]+$"));
        Assert.That(ScenesOf(page).Single().GetProperty("name").GetString(), Is.EqualTo("poll"));
    }

    [TestCase("--for 2s", "--for needs --attach")]
    [TestCase("--attach 1 --models poll", "--attach records a server that runs")]
    [TestCase("--attach 1 --protocol echo", "--attach records a server that runs: leave --models, --peer, --protocol and --workers out")]
    [TestCase("--attach 1 --workers 0", "--attach records a server that runs")]
    [TestCase("--attach x", "--attach x: write a number")]
    [TestCase("--attach 2147483647", "--attach 2147483647: there is no such process")]
    [TestCase("--out /nonexistent/x.html", "--out /nonexistent/x.html: ")]
    [TestCase("--perfetto /nonexistent/x.json", "--perfetto /nonexistent/x.json: ")]
    [TestCase("--logs /dev/null/x", "--logs /dev/null/x: ")]
    [TestCase("--out /tmp/t.html --perfetto /tmp/t.html", "--out /tmp/t.html and --perfetto /tmp/t.html: write two different files")]
    [TestCase("--out - --text", "--text prints on standard output: write a file in place of -")]
    [TestCase("--models none", "--models none leaves nothing to trace")]
    [TestCase("--models polls", "--models polls: write iterative, fork")]
    [TestCase("--protocol nfs", "--protocol nfs: write ")]
    [TestCase("--workers 0", "--workers 0: write a number")]
    [TestCase("--peer mine=./server", "--peer mine=./server: write NAME=COMMAND with {port}")]
    public void Wrong_options_get_one_line(string options, string line)
    {
        Tools.Require("strace");
        ProgramRun run = ProgramRun.Multiplex(["trace", .. options.Split(' ')]);
        Assert.That(run.Status, Is.EqualTo(2));
        Assert.That(run.Errors.Single(), Does.StartWith($"multiplex: {line}"));
    }

    private JsonElement[] Trace(string name, params string[] options)
    {
        Tools.Require("strace");
        string page = Path.Combine(_folder.FullName, $"{name}.html");
        ProgramRun run = ProgramRun.Multiplex(["trace", .. options, "--out", page]);
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', run.Errors));
        return ScenesOf(page);
    }

    // Its temporary files, the logs of strace(1), are made in this folder.
    private static ServerProcess Launch(DirectoryInfo temporary, params string[] options)
    {
        Tools.Require("strace");
        return ServerProcess.LaunchProgram("/usr/bin/env", [$"TMPDIR={temporary.FullName}", ServerProcess.Command, "trace", .. options]);
    }

    private static void AssertInterrupted(ServerProcess trace, DirectoryInfo temporary)
    {
        Assert.That(trace.WaitForExit(2 * Eventually.Deadline), Is.EqualTo(4));
        Assert.That(trace.Errors, Is.EqualTo(new[] { "multiplex: trace was interrupted; no page was written" }));
        Assert.That(trace.ProcessIds, Is.Empty);
        Assert.That(temporary.GetDirectories("multiplex-*"), Is.Empty);
    }

    private static int TracerOf(int process)
    {
        const string Name = "TracerPid:";
        return int.Parse(File.ReadLines($"/proc/{process}/status").Single(line => line.StartsWith(Name, StringComparison.Ordinal))[Name.Length..]);
    }

    private static JsonElement[] ScenesOf(string page) => ScenesIn(File.ReadAllText(page));

    private static JsonElement[] ScenesIn(string page)
    {
        string json = Regex.Match(page, "<script type=\"application/json\" id=\"trace\">(?<json>.*?)</script>", RegexOptions.Singleline).Groups["json"].Value;
        return [.. JsonDocument.Parse(json).RootElement.GetProperty("scenes").EnumerateArray()];
    }

    private static Lane[] LanesOf(JsonElement scene) => [.. scene.GetProperty("lanes").EnumerateArray().Select(lane => new Lane(
        lane.GetProperty("kind").GetString() == "client", lane.GetProperty("process").GetInt32(), lane.GetProperty("thread").GetInt32(), lane.GetProperty("born").GetInt64(), lane.GetProperty("died").GetInt64()))];

    private static Call[] CallsOf(JsonElement scene)
    {
        Lane[] lanes = LanesOf(scene);
        return [.. scene.GetProperty("calls").EnumerateArray().Select(call => new Call(
            lanes[call.GetProperty("lane").GetInt32()], call.GetProperty("kind").GetString()!, call.GetProperty("start").GetInt64(), call.GetProperty("name").GetString()!,
            call.GetProperty("client").GetInt32(), call.GetProperty("fiveTuple").GetString()!))];
    }

    private static long DurationOf(JsonElement scene) => LanesOf(scene).Max(lane => lane.Died);

    private sealed record Lane(bool IsClient, int Process, int Thread, long Born, long Died);

    private sealed record Call(Lane Lane, string Kind, long Start, string Name, int Client, string FiveTuple);

    // The line on which a call begins: "4242 1795675334.921258 recvfrom(…".
    [GeneratedRegex(@"^(?<thread>\d+) +(?<time>\d+\.\d{6}) (?<name>\w+)\(")]
    private static partial Regex Began();
}
