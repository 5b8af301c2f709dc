using System.Text.Json;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Logs;

/// <summary><c>serve --access-log</c> on every model.</summary>
[ModelSource(typeof(Cells), nameof(Cells.Served))]
public sealed class AccessLogTests(string model)
{
    [Test]
    public void Each_call_has_a_whole_line()
    {
        string file = Path.GetTempFileName();
        using ServerProcess server = ServerProcess.Start(model, "rpc", ListenForm.Tcp, "--access-log", file, "--log", "json");
        for (int connection = 0; connection < 3; connection++)
        {
            using RpcPeer peer = new(server.Address);
            for (int i = 0; i < 5; i++)
                peer.Echo(new byte[100]);
            peer.Add(1);
        }

        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
        JsonElement[] lines = [.. File.ReadLines(file).Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.That(lines, Has.Length.EqualTo(18));
        Assert.That(lines.Count(line => line.GetProperty("procedure").GetString() == "Echo" && line.GetProperty("received").GetInt32() == 148 && line.GetProperty("sent").GetInt32() == 132), Is.EqualTo(15));
        Assert.That(lines.Select(line => line.GetProperty("status").GetString()), Has.All.EqualTo("SUCCESS"));
        Assert.That(lines.Select(line => line.GetProperty("peer").GetString()).Distinct().Count(), Is.EqualTo(3));
        File.Delete(file);
    }

    [Test]
    public void A_reader_that_reads_nothing_holds_up_no_call()
    {
        string pipe = Path.Combine(Path.GetTempPath(), $"multiplex-log-{Guid.NewGuid():N}");
        ProgramRun.Successfully("mkfifo", [pipe]);
        using FileStream reader = new(pipe, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);   // a FIFO that is open for both has a reader at once
        using ServerProcess server = ServerProcess.Start(model, "rpc", ListenForm.Tcp, "--access-log", pipe);
        const int Batches = 50, InBatch = 200;   // about 900 KB of lines: more than the pipe and the buffers take
        using (RpcPeer peer = new(server.Address))
        {
            for (int batch = 0; batch < Batches; batch++)
            {
                uint[] calls = [.. Enumerable.Range(0, InBatch).Select(_ => peer.Begin(RpcWire.Null))];
                foreach (uint call in calls)
                    peer.Finish(call);
            }
        }

        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
        Assert.That(server.Errors.Single(line => line.StartsWith("stopped", StringComparison.Ordinal)), Does.Match(@" Calls=10000\b.* AccessLogDropped=[1-9]|AccessLogDropped=[1-9].* Calls=10000\b"));
        File.Delete(pipe);
    }
}
