using System.Runtime.InteropServices;
using CommandLine;
using Multiplex.Load.Comparison;
using Multiplex.Servers;
using Multiplex.Sockets;
using Spectre.Console;

namespace Multiplex.Cli;

[Verb("compare", HelpText = "Compare server models: each as a real process, in alternating rounds; a table and report.json.")]
internal sealed class CompareVerbOptions : IVerb
{
    // The scenarios hold several connections at a time.
    private static readonly ServerModelEntry[] s_models = [.. ServerModelCatalog.All.Where(entry => !entry.OneAtATime)];

    [Option("models", Default = "", MetaValue = "A,B,C", HelpText = "The models; by default all that serve several connections at a time.")]
    public string Models { get; set; } = "";

    [Option("scenarios", Default = "", MetaValue = "A,B,C", HelpText = "echo, pipeline, churn; all of them by default.")]
    public string Scenarios { get; set; } = "";

    [Option("protocol", Default = "rpc", MetaValue = "NAME", HelpText = "echo or rpc.")]
    public string Protocol { get; set; } = "";

    [Option("rounds", Default = 3, MetaValue = "N", HelpText = "How often each model has its turn.")]
    public int Rounds { get; set; }

    [Option("duration", Default = "2s", MetaValue = "TIME", HelpText = "Measured time of each run.")]
    public string Duration { get; set; } = "";

    [Option("warmup", Default = "1s", MetaValue = "TIME", HelpText = "Time before it that is loaded but not measured.")]
    public string WarmUp { get; set; } = "";

    [Option("out", Default = "multiplex-compare", MetaValue = "DIR", HelpText = "Where report.json is written.")]
    public string Out { get; set; } = "";

    public int Run()
    {
        ProtocolEntry protocol = Values.Named("--protocol", Protocol, ProtocolCatalog.All, entry => entry.Name);
        CompareOptions options = new()
        {
            Command = ThisCommand(),
            Models = [.. Chosen("--models", Models, s_models, entry => entry.Name).Select(entry => entry.Name)],
            Scenarios = Chosen("--scenarios", Scenarios, Scenario.All, scenario => scenario.Name),
            Protocol = protocol.Name,
            Exchange = size => protocol.Exchange(EndpointKind.Tcp, size),
            Rounds = Values.Number("--rounds", Rounds, 1, 1000),
            Duration = Values.PositiveTime("--duration", Duration),
            WarmUp = Values.Time("--warmup", WarmUp),
        };
        Directory.CreateDirectory(Out);

        // Servers are processes of their own: however this one is asked to end, it ends them first.
        using CancellationTokenSource interrupted = new();
        using PosixSignalRegistration onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel);
        using PosixSignalRegistration onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel);
        void Cancel(PosixSignalContext context)
        {
            context.Cancel = true;
            interrupted.Cancel();
        }

        CompareReport report;
        try
        {
            report = Terminal.WithStatus("starting", show => Comparer.Run(options, show, interrupted.Token));
        }
        catch (OperationCanceledException)
        {
            StandardStream.Error.WriteLine("multiplex: compare was interrupted; no report was written");
            return ExitStatus.Failed;
        }

        CompareTables.Print(report);
        string path = Path.Combine(Out, "report.json");
        File.WriteAllText(path, report.ToJson() + "\n");
        Terminal.Output.MarkupLineInterpolated($"All figures, round by round: {path}");
        return report.Scenarios.Sum(scenario => scenario.Models.Sum(model => model.Median.Errors)) == 0 ? ExitStatus.Done : ExitStatus.Failed;
    }

    private static IReadOnlyList<T> Chosen<T>(string option, string names, IReadOnlyList<T> all, Func<T, string> nameOf) =>
        names.Length == 0
            ? all
            : [.. names.Split(',').Distinct().Select(name => Values.Named(option, name, all, nameOf))];

    // Run by its own executable, or as an argument of dotnet.
    private static string[] ThisCommand()
    {
        string program = Environment.ProcessPath ?? throw new IOException("the path of this program is not known");
        return Path.GetFileName(program) == "dotnet" ? [program, Environment.GetCommandLineArgs()[0]] : [program];
    }
}
