using System.Globalization;
using System.Runtime.InteropServices;
using CommandLine;
using Multiplex.Load;
using Multiplex.Sockets;
using Spectre.Console;

namespace Multiplex.Cli;

[Verb("load", HelpText = "Load a server: connections x depth requests under way, every reply checked, latencies measured.")]
internal sealed class LoadVerbOptions : IVerb
{
    [Option("connect", Required = true, MetaValue = "ENDPOINT", HelpText = $"The server: {Endpoint.Forms}.")]
    public string Connect { get; set; } = "";

    [Option("protocol", Default = "rpc", MetaValue = "NAME", HelpText = "echo (RFC 862) or rpc (the ECHO procedure of multiplex.x).")]
    public string Protocol { get; set; } = "";

    [Option("connections", Default = 50, MetaValue = "N", HelpText = "Connections, or datagram sockets.")]
    public int Connections { get; set; }

    [Option("depth", Default = 1, MetaValue = "N", HelpText = "Requests that each connection keeps under way.")]
    public int Depth { get; set; }

    [Option("size", Default = "64", MetaValue = "BYTES", HelpText = "Payload; for datagrams and seqpacket, what fits into one message.")]
    public string Size { get; set; } = "";

    [Option("duration", Default = "10s", MetaValue = "TIME", HelpText = "How long to measure.")]
    public string Duration { get; set; } = "";

    [Option("warmup", Default = "0s", MetaValue = "TIME", HelpText = "How long to load before measuring.")]
    public string WarmUp { get; set; } = "";

    [Option("calls-per-connection", Default = 0, MetaValue = "N", HelpText = "Make a connection anew after so many replies; 0 keeps it.")]
    public int CallsPerConnection { get; set; }

    [Option("timeout", MetaValue = "TIME", HelpText = "How long a reply may take: 30s by default; 1s for datagrams, which then count as lost.")]
    public string? Timeout { get; set; }

    [Option("threads", Default = 1, MetaValue = "N", HelpText = "Client threads.")]
    public int Threads { get; set; }

    [Option("json", MetaValue = "FILE", HelpText = "Write the result to this file; - is standard output, instead of the table.")]
    public string? Json { get; set; }

    public int Run()
    {
        Endpoint server = Values.Endpoint("--connect", Connect);
        ProtocolEntry protocol = Values.Named("--protocol", Protocol, ProtocolCatalog.All, entry => entry.Name);
        (int least, int most) = protocol.Sizes(server.Kind);
        int size = Values.Bytes("--size", Size, least, most);
        string timeout = Timeout ?? (server.Kind.IsDatagram() ? "1s" : "30s");
        LoadOptions options = new()
        {
            Server = server,
            Exchange = () => protocol.Exchange(server.Kind, size),
            Connections = Values.Number("--connections", Connections, 1, 1_000_000),
            Depth = Values.Number("--depth", Depth, 1, 65_536),
            Duration = Values.PositiveTime("--duration", Duration),
            WarmUp = Values.Time("--warmup", WarmUp),
            CallsPerConnection = Values.Number("--calls-per-connection", CallsPerConnection, 0, int.MaxValue),
            Timeout = Values.PositiveTime("--timeout", timeout),
            Threads = Values.Number("--threads", Threads, 1, 1024),
        };

        LoadTally tally = RunWithProgress(options);
        LoadReport report = LoadReport.Of(tally, new(
            Connect, Protocol, options.Connections, options.Depth, size, options.Duration.TotalSeconds, options.WarmUp.TotalSeconds, options.CallsPerConnection, options.Threads));
        if (Json == "-")
            StandardStream.Output.WriteLine(report.ToJson());
        else
            Print(report);
        if (Json is not null and not "-")
            File.WriteAllText(Json, report.ToJson() + "\n");
        return report.Errors.Total == 0 && report.Replies > 0 ? ExitStatus.Done : ExitStatus.Failed;
    }

    private static LoadTally RunWithProgress(LoadOptions options)
    {
        using CancellationTokenSource interrupted = new();
        using PosixSignalRegistration handler = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
        {
            context.Cancel = !interrupted.IsCancellationRequested;   // a second one ends the process
            interrupted.Cancel();
        });
        return Terminal.WithStatus("connecting", show =>
        {
            LoadProgress last = default;
            return LoadGenerator.Run(
                options,
                progress =>
                {
                    double rate = (progress.Replies - last.Replies) / Math.Max((progress.Elapsed - last.Elapsed).TotalSeconds, 0.001);
                    TimeSpan left = progress.Total - progress.Elapsed;
                    show(progress.Replies == 0 ? "warming up" : string.Create(
                        CultureInfo.InvariantCulture, $"{rate,10:N0}/s   {Math.Max(left.TotalSeconds, 0):F0} s left"));
                    last = progress;
                },
                interrupted.Token);
        });
    }

    private static void Print(LoadReport report)
    {
        LoadReportOptions o = report.Options;
        Terminal.Output.MarkupLineInterpolated(
            $"{o.Connect}  {o.Protocol}, {o.Connections} connections x {o.Depth}, {o.SizeBytes} bytes, {report.ElapsedS:F1} s");
        Table table = Terminal.Table("replies/s", "p50 us", "p90 us", "p99 us", "p99.9 us", "max us", "MB/s in", "errors");
        LatencyReport l = report.LatencyUs;
        table.AddRow(
            $"{report.ThroughputPerS:N0}",
            Us(l.P50),
            Us(l.P90),
            Us(l.P99),
            Us(l.P999),
            Us(l.Max),
            $"{report.ReceivedBytesPerS / 1e6:N1}",
            $"{report.Errors.Total}");
        Terminal.Output.Write(table);
        LoadErrors e = report.Errors;
        if (e.Total > 0)
        {
            Terminal.Output.MarkupLineInterpolated(
                $"errors: {e.WrongReplies} wrong replies, {e.Disconnected} disconnected, {e.ConnectFailures} not connected, {e.Timeouts} timed out");
        }

        if (e.Lost + e.Refused + e.Repeated + e.Late > 0)
        {
            Terminal.Output.MarkupLineInterpolated(
                $"datagrams: {e.Lost} lost ({e.Late} of them answered late), {e.Refused} refused as nobody listens there, {e.Repeated} answered twice");
        }
    }

    private static string Us(double microseconds) => microseconds.ToString("N0", CultureInfo.InvariantCulture);
}
