using CommandLine;
using Multiplex.Cli.Loading;
using Multiplex.Cli.Options;
using Multiplex.Cli.Output;
using Multiplex.Load.Comparison;
using Multiplex.Load.Comparison.Sections;
using Multiplex.Models;
using Multiplex.Sockets;
using Spectre.Console;

namespace Multiplex.Cli;

[Verb("compare", HelpText = "Compare server models, and other servers: each as a real process, in alternating rounds; report.html and report.json.")]
internal sealed class CompareVerbOptions : IVerb
{
    private const string AutoRounds = "auto";
    private const int MostAutoRounds = 20;
    private const double AutoPercent = 3;

    // The scenarios hold several connections at a time.
    internal static IReadOnlyList<ServerModelEntry> AllModels { get; } = [.. ServerModelCatalog.All.Where(entry => !entry.OneAtATime)];

    // One of each kind: a process, a thread, a reactor, both, and io_uring.
    private static readonly string[] s_quickModels = ["fork", "pool", "poll", "hybrid", "uring"];

    [Section("What is compared")]
    [Option("models", MetaValue = "MODEL,…", HelpText = "The models: all that serve several connections at a time by default; none for peers alone.")]
    public string? Models { get; set; }

    [Option("peer", MetaValue = "'NAME=COMMAND'", HelpText = "Another server to compare with: a shell command with {port} where the TCP port belongs, {export} for the directory of nfs, {mountport} for a port of MOUNT; may be given several times.")]
    public IEnumerable<string> Peers { get; set; } = [];

    [Option("scenarios", MetaValue = "SCENARIO,…", HelpText = "echo, pipeline, churn, blocking, cpu, idle, bulk, overload, slow-readers, mixed; all of them by default. Or files: NFS.")]
    public string? Scenarios { get; set; }

    [Section("How much")]
    [Option("connections", MetaValue = "N,…", HelpText = "Busy connections to measure each scenario with, instead of its own.")]
    public string? Connections { get; set; }

    [Option("quick", HelpText = "Some models, some scenarios and short runs: done within two minutes.")]
    public bool Quick { get; set; }

    [Option("protocol", MetaValue = "PROTOCOL", HelpText = "echo, rpc or nfs: by default nfs for the scenario files, and rpc for the others.")]
    public string? Protocol { get; set; }

    [Option("rounds", MetaValue = "N|auto", HelpText = "How often each server has its turn: 5 by default; 3 with --quick; auto goes on until the ratios are known to 3%, 20 rounds at most.")]
    public string? Rounds { get; set; }

    [Option("rounds-only", HelpText = "Leave out the runs behind the rounds: in one the kernel counts system calls and the like, another has twice the connections.")]
    public bool RoundsOnly { get; set; }

    [Option("flamegraph", HelpText = "Put a flame graph of each server into each scenario of report.html: which functions its time goes to. A further run each.")]
    public bool FlameGraph { get; set; }

    [Option("requests", MetaValue = "N", HelpText = "A run is of so many requests, however long they take and without a warm-up, instead of --duration.")]
    public string? Requests { get; set; }

    [Option("duration", MetaValue = "TIME", HelpText = "Measured time of each run: 1s by default; 400ms with --quick.")]
    public string? Duration { get; set; }

    [Option("warmup", MetaValue = "TIME", HelpText = "Time before it that is loaded but not measured: 300ms by default; 150ms with --quick.")]
    public string? WarmUp { get; set; }

    [Option("threads", Default = 1, MetaValue = "N", HelpText = "Threads of the client.")]
    public int Threads { get; set; }

    [Section("An earlier comparison")]
    [Option("baseline", MetaValue = "FILE", HelpText = "The report.json of an earlier comparison: marks what has moved since; exit status 5 if something is worse.")]
    public string? BaselineFile { get; set; }

    [Option("tolerance", Default = Baseline.DefaultTolerancePercent, MetaValue = "PERCENT", HelpText = "Changes since the baseline below this are not reported.")]
    public double Tolerance { get; set; }

    [Section("Results")]
    [Option("out", Default = "multiplex-compare", MetaValue = "DIR", HelpText = "Where report.html and report.json are written.")]
    public string Out { get; set; } = "";

    public int Run()
    {
        if (!(Tolerance >= 0))
            throw new UsageException($"--tolerance {Tolerance}: write a percentage of 0 or more");
        CompareReport? baseline = BaselineFile is null ? null : ReadBaseline(BaselineFile);
        CompareOptions options = Options();
        Directory.CreateDirectory(Out);
        using Interruption interruption = new();
        CompareReport report;
        try
        {
            report = CompareProgressBars.Show(options, show => Comparer.Run(options, show, interruption.Token));
        }
        catch (OperationCanceledException)
        {
            StandardStream.Error.WriteLine("multiplex: compare was interrupted before its first run was finished; no report was written");
            return ExitStatus.Interrupted;
        }

        if (baseline is not null)
            report = report.Since(baseline, Tolerance);
        CompareTables.Print(report);
        string page = Path.Combine(Out, "report.html"), figures = Path.Combine(Out, "report.json");
        File.WriteAllText(page, ComparePage.Of(report));
        File.WriteAllText(figures, report.ToJson() + "\n");
        Terminal.WriteLine();
        Terminal.WriteLine($"The report: {page}; all figures, round by round: {figures}");
        if (report.Partial is not null)
            return ExitStatus.Interrupted;
        return Failures(report, options) > 0 ? ExitStatus.Failed
            : report.Baseline?.Changes.Any(change => !change.Better) == true ? ExitStatus.Worse
            : ExitStatus.Done;
    }

    private CompareOptions Options()
    {
        Scenario[]? named = Scenarios is null ? null : [.. Targets.Chosen("--scenarios", Scenarios, ScenarioCatalog.All, scenario => scenario.Name)];
        ProtocolEntry protocol = Values.Named(
            "--protocol", Protocol ?? (named?[0].Files is null ? "rpc" : ProtocolCatalog.Nfs), ProtocolCatalog.All, entry => entry.Name);
        bool ofFiles = protocol.Name == ProtocolCatalog.Nfs;
        if (named?.FirstOrDefault(scenario => scenario.Files is null == ofFiles) is { } other)
            throw new UsageException($"--scenarios {Scenarios}: {other.Name} is not of the protocol {protocol.Name}; compare it by itself");
        IEnumerable<Scenario> scenarios = named ?? ScenarioCatalog.All.Where(scenario => scenario.Files is not null == ofFiles && (!Quick || scenario.QuickPoints.Count > 0));
        Target[] targets = [.. ChosenModels().Select(model => new ModelTarget(model, Targets.ThisCommand(), protocol.Name) { ServesFiles = ofFiles }), .. Peers.Select(Targets.Peer)];
        if (Requests is not null && Duration is not null)
            throw new UsageException("--requests and --duration: a run ends by one of them; choose");
        Targets.Check(targets, "compare");
        return new()
        {
            Targets = targets,
            Scenarios = [.. scenarios.Select(scenario => scenario with { Points = PointsOf(scenario) })],
            Protocol = protocol.Name,
            HasProcedures = protocol.Name == "rpc",
            Exchange = mix => protocol.Exchange!(EndpointKind.Tcp, mix),
            Rounds = Rounds switch
            {
                null => Quick ? 3 : 5,
                AutoRounds => MostAutoRounds,
                _ => Values.Number("--rounds", Rounds, 1, 1000),
            },
            Precision = Rounds == AutoRounds ? AutoPercent : null,
            TriesTwice = !Quick && !RoundsOnly,
            Counts = !RoundsOnly,
            FlameGraphs = FlameGraph,
            Requests = Requests is null ? null : Values.Number("--requests", Requests, 1, int.MaxValue),
            Duration = Values.PositiveTime("--duration", Duration ?? (Quick ? "400ms" : "1s")),
            WarmUp = Values.Time("--warmup", WarmUp ?? (Quick ? "150ms" : "300ms")),
            ClientThreads = Values.Number("--threads", Threads, 1, 1024),
        };
    }

    private IEnumerable<ServerModelEntry> ChosenModels() => Models switch
    {
        "none" => [],
        null => Quick ? AllModels.Where(model => s_quickModels.Contains(model.Name)) : AllModels,
        _ => Targets.Chosen("--models", Models, AllModels, model => model.Name),
    };

    private IReadOnlyList<ScenarioPoint> PointsOf(Scenario scenario)
    {
        IReadOnlyList<ScenarioPoint> points = Quick && scenario.QuickPoints.Count > 0 ? scenario.QuickPoints : scenario.Points;
        return Connections is null
            ? points
            : [.. Values.Numbers("--connections", Connections, 1, 1_000_000).Select(number => points[0] with { Connections = number })];
    }

    private static CompareReport ReadBaseline(string file)
    {
        try
        {
            return CompareReport.Parse(File.ReadAllText(file));
        }
        catch (Exception e) when (e is FormatException or IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"--baseline {file}: {e.Message}");
        }
    }

    // Errors count as failures, except in a scenario in which a server may refuse connections or calls.
    private static int Failures(CompareReport report, CompareOptions options) =>
        report.Scenarios.Zip(options.Scenarios).Sum(pair => pair.First.Points.SelectMany(point => point.Results).Count(result =>
            result.Failed || result.Errors.WrongReplies > 0 || (result.Errors.Total > 0 && !pair.Second.ToleratesErrors)));
}
