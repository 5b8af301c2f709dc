using System.Globalization;
using System.Text.Json;
using CommandLine;
using Multiplex.Cli.Loading;
using Multiplex.Cli.Options;
using Multiplex.Cli.Output;
using Multiplex.Load.Measuring;
using Multiplex.Load.Reporting.Charts;

namespace Multiplex.Cli;

[Verb("watch", HelpText = "Show a running server's counters and what its threads are at, once a second, until it ends.")]
internal sealed class WatchOptions : IVerb
{
    // The counters that concern requests; --json has all counters.
    private static readonly string[] s_troubles = ["Refused", "Broken", "ProtocolErrors", "RepliesDropped", "IdleTimeouts", "Throttled", "CutOff", "ChildrenLost", "SparesUsedUp", "ChildPageFaults"];

    [Value(0, MetaName = "PID|FILE", Required = true, HelpText = "The server's process, or the file of its --counters.")]
    public string Server { get; set; } = "";

    [Option("interval", Default = "1s", MetaValue = "TIME", HelpText = "Time between two lines.")]
    public string Interval { get; set; } = "";

    [Option("count", Default = 0, MetaValue = "N", HelpText = "Lines after which to end; 0 goes on until the server ends.")]
    public int Count { get; set; }

    [Option("json", HelpText = "An object a line, with all counters and threads, instead of columns.")]
    public bool Json { get; set; }

    public int Run()
    {
        TimeSpan interval = Values.PositiveTime("--interval", Interval);
        int count = Values.Number("--count", Count, 0, int.MaxValue);
        using CountersFile counters = int.TryParse(Server, NumberStyles.None, CultureInfo.InvariantCulture, out int pid) ? CountersFile.OfProcess(pid) : CountersFile.Open(Server);
        using Interruption interruption = new();
        ServerSnapshot? before = ServerSnapshot.Of(counters) ?? throw new IOException($"the server {counters.Process} has ended");
        if (!Json)
            StandardStream.Output.WriteLine($"{"open",8} {"conns/s",8} {"calls/s",8} {"dgrams/s",8} {"unread",9} {"unsent",9} {"procs",5}  threads, trouble");
        for (int line = 0; (count == 0 || line < count) && !interruption.Token.WaitHandle.WaitOne(interval); line++)
        {
            ServerSnapshot? now = ServerSnapshot.Of(counters);
            if (now is null)
                break;
            StandardStream.Output.WriteLine(Json ? JsonOf(before, now) : Columns(before, now));
            before = now;
        }

        return ExitStatus.Done;
    }

    private static string Columns(ServerSnapshot before, ServerSnapshot now)
    {
        string Rate(string counter) => Quantities.Short(now.PerSecond(before, counter));
        string Bytes(long? bytes) => bytes is { } known ? Quantities.Size(known) : "–";
        IEnumerable<string> threads = now.Threads.GroupBy(thread => thread.InWords).OrderByDescending(group => group.Count()).Select(group => $"{group.Count()} {group.Key}");
        IEnumerable<string> troubles = s_troubles.Where(name => now.PerSecond(before, name) > 0).Select(name => $"{name} {Rate(name)}/s");
        return $"{Open(now),8} {Rate("Accepted"),8} {Rate("Calls"),8} {Rate("Datagrams"),8} {Bytes(now.UnreadBytes),9} {Bytes(now.UnsentBytes),9} {now.Processes,5}  {string.Join(", ", [.. threads, .. troubles])}";
    }

    private static long Open(ServerSnapshot now) => now.Counters.GetValueOrDefault("Accepted") - now.Counters.GetValueOrDefault("Closed");

    private static string JsonOf(ServerSnapshot before, ServerSnapshot now)
    {
        using MemoryStream text = new();
        using (Utf8JsonWriter json = new(text))
        {
            json.WriteStartObject();
            json.WriteString("at", DateTimeOffset.Now);
            json.WriteNumber("open_connections", Open(now));
            json.WriteNumber("processes", now.Processes);
            WriteNumber(json, "unread_bytes", now.UnreadBytes);
            WriteNumber(json, "unsent_bytes", now.UnsentBytes);
            json.WriteStartObject("counters");
            foreach ((string name, long value) in now.Counters)
                json.WriteNumber(name, value);
            json.WriteEndObject();
            json.WriteStartObject("per_s");
            foreach (string name in now.Counters.Keys)
                json.WriteNumber(name, Math.Round(now.PerSecond(before, name), 3));
            json.WriteEndObject();
            json.WriteStartArray("threads");
            foreach (ThreadActivity thread in now.Threads)
            {
                json.WriteStartObject();
                json.WriteNumber("process", thread.Process);
                json.WriteNumber("thread", thread.Thread);
                json.WriteString("name", thread.Name);
                json.WriteString("state", $"{thread.State}");
                json.WriteString("call", thread.Call);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(text.ToArray());
    }

    private static void WriteNumber(Utf8JsonWriter json, string name, long? number)
    {
        if (number is { } known)
            json.WriteNumber(name, known);
        else
            json.WriteNull(name);
    }
}
