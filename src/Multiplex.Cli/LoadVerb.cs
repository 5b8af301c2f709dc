using System.Globalization;
using CommandLine;
using Multiplex.Load;
using Multiplex.Load.Formats;
using Multiplex.Sockets;

namespace Multiplex.Cli;

[Verb("load", HelpText = "Load a server, check every reply, measure latencies. Exit status 1: something went wrong; 3: --slo was missed.")]
internal sealed class LoadVerbOptions : IVerb
{
    [Option("connect", Required = true, MetaValue = "ENDPOINT", HelpText = $"The server: {Endpoint.Forms}.")]
    public string Connect { get; set; } = "";

    [Option("protocol", Default = "rpc", MetaValue = "NAME", HelpText = "echo (RFC 862) or rpc (the program of multiplex.x).")]
    public string Protocol { get; set; } = "";

    [Option("connections", Default = 50, MetaValue = "N", HelpText = "Connections, or datagram sockets.")]
    public int Connections { get; set; }

    [Option("depth", Default = 1, MetaValue = "N", HelpText = "The most requests that each connection has under way; in a closed loop always so many.")]
    public int Depth { get; set; }

    [Option("rate", MetaValue = "N", HelpText = "Open loop: requests due in a second, whatever the server does; latency counts from then. Without: a closed loop.")]
    public string? Rate { get; set; }

    [Option("ramp", MetaValue = "FROM:TO", HelpText = "Open loop whose rate goes evenly from one to the other.")]
    public string? Ramp { get; set; }

    [Option("arrivals", Default = "constant", MetaValue = "NAME", HelpText = "How requests of an open loop follow each other: constant or poisson.")]
    public string Arrivals { get; set; } = "";

    [Option("slo", MetaValue = "LIMITS", HelpText = $"Objectives, {Objective.Forms}; exit status 3 when one is missed.")]
    public string? Slo { get; set; }

    [Option("find-capacity", HelpText = "Search for the highest rate that holds --slo; each step takes --duration.")]
    public bool FindCapacity { get; set; }

    [Option("mix", MetaValue = "CALLS", HelpText = $"Procedures of rpc with weights, such as echo=90,sleep:10=10: {MixedCall.Forms}. By default echo.")]
    public string? Mix { get; set; }

    [Option("size", Default = "64", MetaValue = "BYTES", HelpText = "Payload, or several with weights: 64=90,16k=10; for datagrams and seqpacket, what fits into one message.")]
    public string Size { get; set; } = "";

    [Option("think", Default = "0s", MetaValue = "TIME", HelpText = "Closed loop: pause after a reply.")]
    public string Think { get; set; } = "";

    [Option("duration", Default = "10s", MetaValue = "TIME", HelpText = "How long to measure.")]
    public string Duration { get; set; } = "";

    [Option("warmup", MetaValue = "TIME", HelpText = "How long to load before measuring: 500ms by default in an open loop, else not at all.")]
    public string? WarmUp { get; set; }

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

    [Option("slow-rate", Default = "1k", MetaValue = "BYTES", HelpText = "Bytes a second that each slow stream reads or writes.")]
    public string SlowRate { get; set; } = "";

    [Option("timeout", MetaValue = "TIME", HelpText = "How long a reply may take: 30s by default; 1s for datagrams, which then count as lost.")]
    public string? Timeout { get; set; }

    [Option("threads", Default = 1, MetaValue = "N", HelpText = "Client threads.")]
    public int Threads { get; set; }

    [Option("json", MetaValue = "FILE", HelpText = "Write the result to this file; - is standard output, instead of the table.")]
    public string? Json { get; set; }

    [Option("csv", MetaValue = "FILE", HelpText = "Write the figures of each second to this file.")]
    public string? Csv { get; set; }

    [Option("hlog", MetaValue = "FILE", HelpText = "Write the histogram of each second as a log that HdrHistogram's tools read.")]
    public string? Hlog { get; set; }

    [Option("html", MetaValue = "FILE", HelpText = "Write the result as a page, one file with its charts.")]
    public string? Html { get; set; }

    public int Run()
    {
        Endpoint server = Values.Endpoint("--connect", Connect);
        ProtocolEntry protocol = Values.Named("--protocol", Protocol, ProtocolCatalog.All, entry => entry.Name);
        RequestMix mix = ReadMix(server, protocol);
        LoadOptions options = ReadOptions(server, protocol, mix);
        if (FindCapacity)
            return LoadCapacity.Run(options, ReadSpacing(), Report(options, mix), Json, Html);
        HistogramLog log = new();
        if (Hlog is not null)
            options = options with { Interval = log.Add };
        LoadTally tally = RunWithProgress(options);
        LoadReport report = LoadReport.Of(tally, options, Report(options, mix));
        ResultFile.Write(Json, () => report.ToJson() + "\n");
        ResultFile.Write(Csv, () => SeriesCsv.Of(report.Series));
        ResultFile.Write(Hlog, () => log.ToText(tally.StartedAt));
        ResultFile.Write(Html, () => LoadPage.Of(report));
        if (Json != ResultFile.StandardOutput)
            LoadTables.Print(report);
        return report.Errors.Total > 0 || report.Replies == 0 ? ExitStatus.Failed
            : report.Objectives is { } objectives && objectives.Any(objective => !objective.Held) ? ExitStatus.Missed
            : ExitStatus.Done;
    }

    private LoadReportOptions Report(LoadOptions options, RequestMix mix) => LoadReportOptions.Of(options, Connect, Protocol, mix);

    private RequestMix ReadMix(Endpoint server, ProtocolEntry protocol)
    {
        (int least, int most) = protocol.Sizes(server.Kind);
        RequestMix mix = RequestMix.OfSize(0) with { Sizes = Values.Weights("--size", Size, text => Values.Bytes("--size", text, least, most)) };
        if (Mix is null)
            return mix;
        if (protocol.Name != "rpc")
            throw new UsageException($"--mix {Mix}: only --protocol rpc has procedures");
        return mix with { Calls = Values.Weights("--mix", Mix, text => Values.Parsed("--mix", text, MixedCall.Parse)) };
    }

    private LoadOptions ReadOptions(Endpoint server, ProtocolEntry protocol, RequestMix mix)
    {
        OpenLoop? arrivals = ReadArrivals();
        if (FindCapacity && (arrivals is not null || Slo is null || Csv is not null || Hlog is not null))
            throw new UsageException("--find-capacity: write what has to hold, such as --slo p99<2ms; --rate, --ramp, --csv and --hlog are of one run");
        TimeSpan think = Values.Time("--think", Think);
        if ((arrivals is not null || FindCapacity) && think > TimeSpan.Zero)
            throw new UsageException($"--think {Think}: in an open loop nobody thinks; leave it out, or --rate");
        if (server.Kind.IsDatagram() && Idle > 0)
            throw new UsageException($"--idle {Idle}: datagrams have no connections; load a tcp:, unix: or unixpacket: endpoint");
        if (!server.Kind.IsStream() && SlowReaders + SlowWriters > 0)
            throw new UsageException("--slow-readers and --slow-writers: only streams can be slow; load a tcp: or unix: endpoint");
        return new()
        {
            Server = server,
            Exchange = () => protocol.Exchange(server.Kind, mix),
            Connections = Values.Number("--connections", Connections, 1, 1_000_000),
            Depth = Values.Number("--depth", Depth, 1, 65_536),
            Arrivals = arrivals,
            ThinkTime = think,
            Duration = Values.PositiveTime("--duration", Duration),
            WarmUp = Values.Time("--warmup", WarmUp ?? (arrivals is not null || FindCapacity ? "500ms" : "0s")),
            CallsPerConnection = Values.Number("--calls-per-connection", CallsPerConnection, 0, int.MaxValue),
            ConnectRate = ConnectRate is null ? 0 : Values.Rate("--connect-rate", ConnectRate),
            IdleConnections = Values.Number("--idle", Idle, 0, 1_000_000),
            SlowReaders = Values.Number("--slow-readers", SlowReaders, 0, 100_000),
            SlowWriters = Values.Number("--slow-writers", SlowWriters, 0, 100_000),
            SlowBytesPerS = Values.Bytes("--slow-rate", SlowRate, 1, 1 << 30),
            Timeout = Values.PositiveTime("--timeout", Timeout ?? (server.Kind.IsDatagram() ? "1s" : "30s")),
            Threads = Values.Number("--threads", Threads, 1, 1024),
            Objectives = Slo is null ? [] : Values.Parsed("--slo", Slo, Objective.ParseAll),
        };
    }

    private ArrivalSpacing ReadSpacing() => Values.Named("--arrivals", Arrivals, Enum.GetValues<ArrivalSpacing>(), LoadReportOptions.Name);

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

    private static LoadTally RunWithProgress(LoadOptions options)
    {
        using Interruption interruption = new();
        return Terminal.WithStatus("connecting", show =>
        {
            LoadProgress last = default;
            return LoadGenerator.Run(
                options,
                progress =>
                {
                    show(Describe(progress, last));
                    last = progress;
                },
                interruption.Token);
        });
    }

    private static string Describe(LoadProgress progress, LoadProgress last)
    {
        if (progress.Replies == 0)
            return "warming up";
        double rate = Math.Max(progress.Replies - last.Replies, 0) / Math.Max((progress.Elapsed - last.Elapsed).TotalSeconds, 0.001);
        double left = Math.Max((progress.Total - progress.Elapsed).TotalSeconds, 0);
        string p99 = progress.LastSecond is { } second ? string.Create(CultureInfo.InvariantCulture, $"   p99 {second.LatencyUs.P99:N0} us") : "";
        return string.Create(CultureInfo.InvariantCulture, $"{rate,10:N0}/s{p99}   {progress.Errors} errors   {left:F0} s left");
    }
}
