using System.Text.Json;
using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Logs;

/// <summary>What a server writes to standard error.</summary>
public sealed class LogTests
{
    public static IEnumerable<string> Served => Cells.Served;

    [TestCaseSource(nameof(Served))]
    public void As_JSON_every_line_is_an_object_with_its_event(string model)
    {
        using ServerProcess server = ServerProcess.Start(model, "rpc", ListenForm.Tcp, "--log", "json", "--log-level", "info");
        using (RpcPeer peer = new(server.Address))
            peer.Null();
        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
        (string? Event, string? Level)[] events = [.. server.Errors.Select(line => JsonDocument.Parse(line).RootElement).Select(line => (line.GetProperty("event").GetString(), line.GetProperty("level").GetString())).Where(one => one.Item1 != "as_root")];
        Assert.That(events, Is.EqualTo(new[] { ("started", "info"), ("stopping", "info"), ("drained", "info"), ("stopped", "info") }));
        using JsonDocument last = JsonDocument.Parse(server.Errors[^1]);
        Assert.That(last.RootElement.GetProperty("counters").GetProperty("Calls").GetInt64(), Is.EqualTo(1));
    }

    [Test]
    public void As_JSON_what_is_wrong_at_SIGHUP_is_an_object_too([Values("epoll", "prefork")] string model)
    {
        string file = Path.GetTempFileName(), right = $"model = \"{model}\"\nlisten = \"tcp://127.0.0.1:0\"\nlog = \"json\"\nlog-level = \"error\"\n";
        File.WriteAllText(file, right);
        using ServerProcess server = ServerProcess.StartProgram(ServerProcess.Command, ["serve", "--config", file]);
        File.WriteAllText(file, right + "idle-timeout = \"soon\"\n");
        HangUp($"{file}:5: idle-timeout soon: write a time such as 500ms, 10s or 2m");
        File.WriteAllText(file, "listen = \"tcp://127.0.0.1:0\"\n");
        HangUp("--model is missing; see multiplex serve --help");
        File.Delete(file);
        HangUp($"{file}: there is no such file");
        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
        string?[] events = [.. server.Errors.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("event").GetString())];
        Assert.That(events, Is.EqualTo((string[])["not_reloaded", "reloaded", "not_reloaded", "reloaded", "not_reloaded", "reloaded", "stopped"]));

        void HangUp(string message)
        {
            int lines = server.Errors.Count;
            server.Signal(Signum.SIGHUP);
            Eventually.Holds(() => server.Errors.Count == lines + 2, () => string.Join('\n', server.Errors));
            JsonElement line = JsonDocument.Parse(server.Errors[lines]).RootElement;
            Assert.That((line.GetProperty("event").GetString(), line.GetProperty("level").GetString(), line.GetProperty("message").GetString()), Is.EqualTo(("not_reloaded", "error", message)));
        }
    }

    [Test]
    public void A_limit_that_is_reached_is_one_line_and_not_one_a_connection([Values("epoll", "fork")] string model)
    {
        using ServerProcess server = ServerProcess.Start(model, "echo", ListenForm.Tcp, "--max-connections", "1");
        using TestClient first = new(server.Address);
        first.Exchange("in"u8.ToArray());
        for (int i = 0; i < 20; i++)
        {
            using TestClient refused = new(server.Address);
            Assert.That(refused.ReceiveToEnd(), Is.Empty);
        }

        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
        Assert.That(server.FinalCount(Counter.Refused), Is.EqualTo(20));
        Assert.That(server.Errors.Count(line => line.Contains("connections refused")), Is.InRange(1, 3), "on a machine that takes longer than 10 s for it, a few");
        Assert.That(server.Errors.First(line => !line.Contains("as root")), Does.StartWith("multiplex: 1 connections refused"));
    }

    [Test]
    public void At_the_level_of_errors_warnings_are_not_there()
    {
        using ServerProcess server = ServerProcess.Start("epoll", "echo", ListenForm.Tcp, "--max-connections", "1", "--log-level", "error");
        using TestClient first = new(server.Address);
        first.Exchange("in"u8.ToArray());
        using (TestClient refused = new(server.Address))
            Assert.That(refused.ReceiveToEnd(), Is.Empty);
        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
        Assert.That(server.Errors.Single(), Does.StartWith("stopped "));
    }

    [Test]
    public void Where_standard_error_is_the_journal_lines_begin_with_their_priority([Values("text", "json")] string form)
    {
        const string Script = "export JOURNAL_STREAM=$(stat --dereference --format=%d:%i /proc/self/fd/2); exec \"$@\"";
        using ServerProcess server = ServerProcess.StartProgram(
            "/bin/sh", ["-c", Script, "sh", ServerProcess.Command, .. ServerProcess.ServeArguments("poll", "echo", "tcp://127.0.0.1:0"), "--log", form, "--log-level", "info"]);
        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
        string[] lines = [.. server.Errors.Where(line => !line.Contains("as root"))];
        Assert.That(lines, Has.Length.EqualTo(4));
        Assert.That(lines, Has.All.StartsWith("<6>"));
        Assert.That(server.Errors.Except(lines), Has.All.StartsWith("<4>"));
    }
}
