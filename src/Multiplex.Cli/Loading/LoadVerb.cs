using System.Reflection;
using CommandLine;
using Multiplex.Cli.Engines;
using Multiplex.Cli.Options;
using Multiplex.Cli.Output;
using Multiplex.Load.Agents;
using Multiplex.Load.Measuring;
using Multiplex.Load.Reporting;
using Multiplex.Load.Reporting.Formats;
using Multiplex.Load.Workload;
using Multiplex.Load.Workload.Files;
using Multiplex.Nfs.Client;
using Multiplex.Rpc.Binding;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Loading;

[Verb("load", HelpText = "Load a server, check every reply, measure latencies. Exit status 1: something went wrong; 3: --slo was missed; 4: a signal ended it early.")]
internal sealed class LoadVerbOptions : TlsClientVerb, IVerb
{
    [Value(0, MetaName = "ENDPOINT", HelpText = "The server, as after --connect.")]
    public string? Positional { get; set; }

    [Section("The server and its protocol")]
    [Option("connect", MetaValue = "ENDPOINT", HelpText = $"The server: {Endpoint.Forms}; {RemoteProgram.Form}, which its host's name service finds; {FleetEngines.ProgramForm}, one of many servers, which etcd finds; or {NfsUrl.Form}.")]
    public string? Connect { get; set; }

    [Option("protocol", MetaValue = "PROTOCOL", HelpText = "echo (RFC 862), rpc (the program of multiplex.x), the default, or nfs: files on an NFS server, that of nfs://… or the first that it exports.")]
    public string? Protocol { get; set; }

    [Section("Calls of any program")]
    [Option("program", MetaValue = "PROGRAM/VERSION", HelpText = "Load this program at ENDPOINT, such as nfs/3 or 0x20004543/1, without a name service.")]
    public string? Program { get; set; }

    [Option("procedure", MetaValue = "N", HelpText = "The procedure of --program or of rpc://…: 0 by default, which takes and returns nothing.")]
    public uint? Procedure { get; set; }

    [Option("arguments", MetaValue = "HEX", HelpText = "Its arguments in XDR, such as 00000003616263 00.")]
    public string? Arguments { get; set; }

    [Option("x-file", MetaValue = "FILE.x", HelpText = "The program's .x file (--x does as well), for --call; results are checked to be of the procedure's type.")]
    public string? XFile { get; set; }

    [Option('D', "define", MetaValue = "NAME[=WORDS]", HelpText = "A macro for --x, as of rpcgen(1); may be said several times.")]
    public string? Defines { get; set; }

    [Option('I', "include", MetaValue = "FOLDER", HelpText = "Where files are that --x includes, if not beside it; may be said several times.")]
    public string? Folders { get; set; }

    [Option("call", MetaValue = "CALL", HelpText = "A call of --x, such as 'GREET(\"you\", {1, TRUE}, [1, 2])'.")]
    public string? Call { get; set; }

    [Option("auth", MetaValue = "none|sys", HelpText = "The credential of these calls: none, the default, or sys: AUTH_SYS with this machine's name, user and groups.")]
    public string? Authentication { get; set; }

    [Option("rpcbind", MetaValue = "ENDPOINT", HelpText = "The name service to ask for rpc://… and nfs://…; by default its host's, at port 111.")]
    public string? NameServiceAt { get; set; }

    [Section("Any protocol of bytes", IsAfterInherited = true)]
    [Option("send", MetaValue = "FILE", HelpText = "Load any protocol of bytes: the file is one request.")]
    public string? SendFile { get; set; }

    [Option("expect", MetaValue = "BYTES|LINES", HelpText = "How much each reply to --send has: 64 (bytes), 1line, 3lines.")]
    public string? Expect { get; set; }

    [Section("Connections and rate")]
    [Option("connections", Default = 50, MetaValue = "N", HelpText = "Connections, or datagram sockets.")]
    public int Connections { get; set; }

    [Option("depth", Default = 1, MetaValue = "N", HelpText = "The most requests that each connection has under way; in a closed loop always so many.")]
    public int Depth { get; set; }

    [Option("rate", MetaValue = "N", HelpText = "Open loop: requests due in a second, whatever the server does; latency counts from then. Without: a closed loop.")]
    public string? Rate { get; set; }

    [Option("ramp", MetaValue = "FROM:TO", HelpText = "Open loop whose rate goes evenly from one to the other.")]
    public string? Ramp { get; set; }

    [Option("arrivals", MetaValue = "constant|poisson", HelpText = "How requests of an open loop follow each other: constant, the default, or poisson.")]
    public string? Arrivals { get; set; }

    [Section("Objectives")]
    [Option("slo", MetaValue = "LIMITS", HelpText = $"Objectives, {Objective.Forms}; exit status 3 when one is missed.")]
    public string? Slo { get; set; }

    [Option("find-capacity", HelpText = "Search for the highest rate that holds --slo; each step takes --duration.")]
    public bool FindCapacity { get; set; }

    [Section("Requests")]
    [Option("mix", MetaValue = "CALLS", HelpText = $"Procedures with weights, such as echo=90,sleep:10=10. Of rpc {MixedCall.Forms}, by default echo; of nfs {FileMix.Forms}, by default all.")]
    public string? Mix { get; set; }

    [Option("size", MetaValue = "BYTES", HelpText = "Payload, 64 by default, or several with weights: 64=90,16k=10; for datagrams and seqpacket, what fits into one message. Of nfs: of a read or write, 4k by default.")]
    public string? Size { get; set; }

    [Option("think", Default = "0s", MetaValue = "TIME", HelpText = "Closed loop: pause after a reply.")]
    public string Think { get; set; } = "";

    [Option("files", MetaValue = "N", HelpText = "Of nfs: how many files are made for the load, and removed afterwards: 256 by default.")]
    public int? Files { get; set; }

    [Option("directories", MetaValue = "N", HelpText = "Of nfs: in how many directories they are: 4 by default.")]
    public int? Directories { get; set; }

    [Option("file-size", MetaValue = "BYTES", HelpText = "Of nfs: how long each is: 64k by default, or as long as the longest read or write.")]
    public string? FileSize { get; set; }

    [Section("Length of the run")]
    [Option("requests", MetaValue = "N", HelpText = "Make so many requests and end with the last reply, however long that takes, up to --duration, which then is 1h by default.")]
    public long? Requests { get; set; }

    [Option("duration", MetaValue = "TIME", HelpText = "How long to measure: 10s by default.")]
    public string? Duration { get; set; }

    [Option("warmup", MetaValue = "TIME", HelpText = "How long to load before measuring: 500ms by default in an open loop, else not at all.")]
    public string? WarmUp { get; set; }

    [Section("Connections that come, idle or dawdle")]
    [Option("calls-per-connection", Default = 0, MetaValue = "N", HelpText = "Make a connection anew after so many requests; 0 keeps it.")]
    public int CallsPerConnection { get; set; }

    [Option("connect-rate", MetaValue = "N", HelpText = "The most connections made in a second.")]
    public string? ConnectRate { get; set; }

    [Option("idle", Default = 0, MetaValue = "N", HelpText = "Connections beside the others that are made and not used.")]
    public int Idle { get; set; }

    [Option("slow-readers", Default = 0, MetaValue = "N", HelpText = "Streams beside the others that ask much and read little.")]
    public int SlowReaders { get; set; }

    [Option("slow-writers", Default = 0, MetaValue = "N", HelpText = "Streams beside the others whose requests trickle in.")]
    public int SlowWriters { get; set; }

    [Option("slow-rate", MetaValue = "BYTES", HelpText = "Bytes a second that each slow stream reads or writes: 1k by default.")]
    public string? SlowRate { get; set; }

    [Section("The client")]
    [Option("timeout", MetaValue = "TIME", HelpText = "How long a reply may take: 30s by default; 1s for datagrams, which then count as lost.")]
    public string? Timeout { get; set; }

    [Option("threads", Default = 1, MetaValue = "N", HelpText = "Client threads.")]
    public int Threads { get; set; }

    [Option("spin", Default = "0", MetaValue = "TIME", HelpText = "How long a thread looks for replies after each before it sleeps, such as 50us; a core is busy meanwhile. 0: it sleeps at once.")]
    public string Spin { get; set; } = "";

    [Section("Many machines")]
    [Option("agents", MetaValue = "N|all", HelpText = "So many agents make the load, 'multiplex agent' on other machines, or all that are there. Connections, requests and rates are those of all together.")]
    public string? Agents { get; set; }

    [Option("nats", MetaValue = "URL", HelpText = AgentOptions.NatsHelp)]
    public string? Nats { get; set; }

    [Option("measure-rate", MetaValue = "N", HelpText = "The agents with --role measure make so many calls a second, all together, in an open loop of poisson arrivals, and the latencies are theirs alone.")]
    public string? MeasureRate { get; set; }

    [Option("measure-connections", MetaValue = "N", HelpText = "Their connections, all together: 16 by default.")]
    public int? MeasureConnections { get; set; }

    [Option("agents-within", MetaValue = "TIME", HelpText = "How long to wait for NATS, then until so many agents are there, and again until all have made their connections: 30s by default, and not at all for NATS.")]
    public string? AgentsWithin { get; set; }

    [Option("agents-timeout", MetaValue = "TIME", HelpText = "The run fails when an agent is not heard for so long, or is so late with what it measured; an agent that does not hear the coordinator for so long stops. 5s by default, at least 2s.")]
    public string? AgentsTimeout { get; set; }

    [Section("Results")]
    [Option("merge", MetaValue = "FILE …", HelpText = "Make no load: add up what several runs wrote by --hlog; with --slo and --json.")]
    public IEnumerable<string> Merge { get; set; } = [];

    [Option("json", MetaValue = "FILE", HelpText = "Write the result to this file; - is standard output, instead of the table.")]
    public string? Json { get; set; }

    [Option("csv", MetaValue = "FILE", HelpText = "Write the figures of each second to this file.")]
    public string? Csv { get; set; }

    [Option("hlog", MetaValue = "FILE", HelpText = "Write the histogram of each second as a log that HdrHistogram's tools read.")]
    public string? Hlog { get; set; }

    [Option("html", MetaValue = "FILE", HelpText = "Write the result as a page, one file with its charts.")]
    public string? Html { get; set; }

    internal const string JsonOption = "--json", CsvOption = "--csv", HlogOption = "--hlog", HtmlOption = "--html";

    public int Run()
    {
        if (Merge.Any())
            return RunMerge();
        LoadFleet? fleet = LoadFleet.Of(this);
        if (FleetEngines.IsProgram(Target))
            ChooseServer();
        LoadRequests requests = new LoadRequestOptions(this).Read();
        LoadOptions options = ReadOptions(requests);
        if (fleet is null)
            CheckDescriptors(options.AllConnections);
        using ResultFiles files = new((JsonOption, Json), (CsvOption, Csv), (HlogOption, Hlog), (HtmlOption, Html));
        using Interruption interruption = new();
        using FileTree? tree = requests.Tree;
        if (tree is not null && fleet is null)
        {
            if (MakeTree(tree, interruption.Token) is not { } server)
                return ExitStatus.Interrupted;
            options = options with { Server = server };
        }

        if (FindCapacity)
            return LoadCapacity.Run(options, ReadSpacing(), Report(options, requests), files, interruption.Token);
        HistogramLog log = new();
        LatencyOverTime over = new();
        if (files.Has(HlogOption) || files.Has(HtmlOption))
        {
            options = options with
            {
                Interval = (second, latencies) =>
                {
                    log.Add(second, latencies);
                    over.Add(second, latencies);
                },
            };
        }

        if (Make(options, Report(options, requests), fleet, interruption.Token) is not ({ } tally, { } report))
            return ExitStatus.Interrupted;
        if (!files.UseStandardOutput)
            LoadTables.Print(report);
        bool written = files.Write(
            (JsonOption, () => report.ToJson() + "\n"),
            (CsvOption, () => SeriesCsv.Of(report.Series)),
            (HlogOption, () => log.ToText(tally.StartedAt)),
            (HtmlOption, () => LoadPage.Of(report, over)));
        return !written ? ExitStatus.Failed
            : report.Interrupted is not null ? ExitStatus.Interrupted
            : report.Errors.Total > 0 || report.Replies == 0 || report.Connections.WithoutReply > 0 ? ExitStatus.Failed
            : report.Objectives is { } objectives && objectives.Any(objective => !objective.Held) ? ExitStatus.Missed
            : ExitStatus.Done;
    }

    // One of them: a load has one server, whose figures it tells.
    private void ChooseServer()
    {
        UsageException.ThrowIfGiven($"{Target} names the program, and etcd finds it; leave it out", ("--program", Program), ("--rpcbind", NameServiceAt));
        FleetServer server = FleetEngines.Locate("--connect", Target, NameServiceClient.UsualTimeout)[0];
        (Connect, Positional, Program) = (server.Endpoint.ToString(), null, $"{server.Program}/{server.Version}");
    }

    // Null when it was interrupted before it began.
    private static (LoadTally Tally, LoadReport Report)? Make(LoadOptions options, LoadReportOptions asked, LoadFleet? fleet, CancellationToken interrupted)
    {
        if (fleet is not null)
            return fleet.Run(options, asked, interrupted);
        LoadTally tally = LoadProgressLine.Run(options, interrupted);
        return (tally, LoadReport.Of(tally, options, asked));
    }

    /// <summary>As an agent, of a plan with these options: looks up the server, and makes the files.</summary>
    /// <exception cref="UsageException">They are wrong.</exception>
    /// <exception cref="IOException">The server is not reached.</exception>
    internal PlannedLoad Understand(LoadPlan plan, CancellationToken cancelled)
    {
        UsageException.ThrowIfGiven("an agent writes no files for others", (JsonOption, Json), (CsvOption, Csv), (HlogOption, Hlog), (HtmlOption, Html), ("--agents", Agents), ("--merge", Merge.FirstOrDefault()));
        LoadRequests requests = new LoadRequestOptions(this).Read();
        LoadOptions options = ReadOptions(requests);
        if (plan.Role == AgentRole.Measure)
            options = Measuring(options);
        int own = plan.Part.ShareOf(options.Connections);
        CheckDescriptors(own + plan.Part.ShareOf(options.IdleConnections) + plan.Part.ShareOf(options.SlowReaders) + plan.Part.ShareOf(options.SlowWriters));
        if (requests.Tree is { } tree)
            options = options with { Server = tree.Make(cancelled) };
        return new(options, Report(options, requests) with { Connections = own }) { Resource = requests.Tree };
    }

    /// <summary>The load of the agents that measure: few calls, and the same ones.</summary>
    internal LoadOptions Measuring(LoadOptions options) => options with
    {
        Arrivals = OpenLoop.At(Values.Rate("--measure-rate", MeasureRate ?? ""), ArrivalSpacing.Poisson),
        Connections = Values.Number("--measure-connections", MeasureConnections ?? 16, 1, 65_536),
        Depth = 1,
        Threads = 1,
        ThinkTime = TimeSpan.Zero,
        CallsPerConnection = 0,
        ConnectRate = 0,
        IdleConnections = 0,
        SlowReaders = 0,
        SlowWriters = 0,
    };

    private void CheckDescriptors(int connections)
    {
        const int Reserve = 64;   // for the runtime, which opens a pipe when a signal comes, and for the files of results
        getrlimit(RLIMIT_NOFILE, out rlimit limit).OrThrow("getrlimit");
        if (limit.rlim_cur < (ulong)connections + Reserve)
        {
            throw new UsageException(
                $"--connections {Connections}: this process may open {limit.rlim_cur} descriptors, which leaves room for {Math.Max((long)Math.Min(limit.rlim_cur, int.MaxValue) - Reserve, 0)} connections of all kinds together; write fewer, or raise its limit (ulimit -n)");
        }
    }

    private int RunMerge()
    {
        foreach ((string name, PropertyInfo property) in Verbs.OptionsOf(typeof(LoadVerbOptions)).Where(option => option.Name is not ("merge" or "slo" or "json")))
        {
            object? value = property.GetValue(this), usual = Verbs.OptionOf(property).Default;
            if (value is not (null or false) && !value.Equals(usual))
                throw new UsageException($"--{name} {value}: --merge makes no load; leave it out");
        }

        if (Positional is not null)
            throw new UsageException($"{Positional}: --merge makes no load; leave it out");
        using ResultFiles files = new((JsonOption, Json));
        return LoadMerge.Run([.. Merge], Slo is null ? [] : Values.Parsed("--slo", Slo, Objective.ParseAll), files);
    }

    // Null when it was interrupted.
    private static Endpoint? MakeTree(FileTree tree, CancellationToken interrupted)
    {
        using StatusLine status = new();
        status.Show("making files");
        try
        {
            return tree.Make(interrupted);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>The server as it was written.</summary>
    internal string Target => Connect ?? Positional ?? "";

    private LoadReportOptions Report(LoadOptions options, LoadRequests requests) =>
        LoadReportOptions.Of(options, Target, requests.Protocol, requests.Mix, requests.Sizes, requests.SizeBytes) with
        {
            Tree = requests.Tree?.Mix is { } files ? new(files.Files, files.Directories, files.FileBytes) : null,
        };

    private LoadOptions ReadOptions(LoadRequests requests)
    {
        Endpoint server = requests.Server;
        OpenLoop? arrivals = ReadArrivals();
        if (FindCapacity && (arrivals is not null || Slo is null || Csv is not null || Hlog is not null))
            throw new UsageException("--find-capacity: write what has to hold, such as --slo p99<2ms; --rate, --ramp, --csv and --hlog are of one run");
        if (Arrivals is not null && arrivals is null && !FindCapacity)
            throw new UsageException($"--arrivals {Arrivals}: only an open loop has arrivals; add --rate or --ramp");
        if (Requests is not null)
            UsageException.ThrowIfGiven("--requests counts all of them, from the first on; leave one out", ("--warmup", WarmUp), ("--find-capacity", FindCapacity ? "" : null));
        if (SlowRate is not null && SlowReaders + SlowWriters == 0)
            throw new UsageException($"--slow-rate {SlowRate}: nothing is slow; add --slow-readers or --slow-writers");
        TimeSpan think = Values.Time("--think", Think);
        if ((arrivals is not null || FindCapacity) && think > TimeSpan.Zero)
            throw new UsageException($"--think {Think}: an open loop has no think time; leave it out, or --rate");
        if (server.Kind.IsDatagram() && Idle > 0)
            throw new UsageException($"--idle {Idle}: datagrams have no connections; load a tcp:, unix: or unixpacket: endpoint");
        if (requests.Tls is not null && SlowReaders + SlowWriters > 0)
            throw new UsageException("--slow-readers and --slow-writers: TLS takes and gives whole records at once; leave them out, or --tls");
        if (!server.Kind.IsStream() && SlowReaders + SlowWriters > 0)
            throw new UsageException("--slow-readers and --slow-writers: only streams can be slow; load a tcp: or unix: endpoint");
        return new()
        {
            Server = server,
            Exchange = requests.Exchange,
            Tls = requests.Tls,
            TlsProgram = requests.TlsProgram,
            Connections = Values.Number("--connections", Connections, 1, 1_000_000),
            Depth = Values.Number("--depth", Depth, 1, 65_536),
            Arrivals = arrivals,
            ThinkTime = think,
            Duration = Values.PositiveTime("--duration", Duration ?? (Requests is null ? "10s" : "1h")),
            WarmUp = Values.Time("--warmup", WarmUp ?? (Requests is null && (arrivals is not null || FindCapacity) ? "500ms" : "0s")),
            Requests = Requests is null or > 0 ? Requests ?? 0 : throw new UsageException($"--requests {Requests}: write a number above zero"),
            CallsPerConnection = Values.Number("--calls-per-connection", CallsPerConnection, 0, int.MaxValue),
            ConnectRate = ConnectRate is null ? 0 : Values.Rate("--connect-rate", ConnectRate),
            IdleConnections = Values.Number("--idle", Idle, 0, 1_000_000),
            SlowReaders = Values.Number("--slow-readers", SlowReaders, 0, 100_000),
            SlowWriters = Values.Number("--slow-writers", SlowWriters, 0, 100_000),
            SlowBytesPerS = Values.Bytes("--slow-rate", SlowRate ?? "1k", 1, 1 << 30),
            Timeout = Values.PositiveTime("--timeout", Timeout ?? (server.Kind.IsDatagram() ? "1s" : "30s")),
            Spin = Values.ShortTime("--spin", Spin),
            Threads = Threads <= Connections || Threads == 1
                ? Values.Number("--threads", Threads, 1, 1024)
                : throw new UsageException($"--threads {Threads}: {Connections} connections keep at most so many threads busy; write more --connections"),
            Objectives = Slo is null ? [] : Values.Parsed("--slo", Slo, Objective.ParseAll),
        };
    }

    private ArrivalSpacing ReadSpacing() => Values.Named("--arrivals", Arrivals ?? "constant", Enum.GetValues<ArrivalSpacing>(), LoadReportOptions.Name);

    private OpenLoop? ReadArrivals()
    {
        ArrivalSpacing spacing = ReadSpacing();
        if (Rate is not null && Ramp is not null)
            throw new UsageException($"--rate {Rate} and --ramp {Ramp}: write one of the two");
        if (Rate is not null)
            return OpenLoop.At(Values.Rate("--rate", Rate), spacing);
        if (Ramp is null)
            return null;
        return Ramp.Split(':') is [string from, string to]
            ? new OpenLoop(Values.Rate("--ramp", from), Values.Rate("--ramp", to), spacing)
            : throw new UsageException($"--ramp {Ramp}: write two rates, such as 1000:50000");
    }
}
