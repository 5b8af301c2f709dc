using CommandLine;
using Multiplex.Cli.Options;
using Multiplex.Cli.Output;
using Multiplex.Load.Comparison;
using Multiplex.Models;
using Multiplex.Tracing.Drawing;
using Multiplex.Tracing.Lanes;
using Multiplex.Tracing.Recordings;

namespace Multiplex.Cli;

[Verb("trace", HelpText = "Record with strace(1) what each server model does for the same three clients, and draw it: processes, threads, waits and bytes in trace.html.")]
internal sealed class TraceOptions : IVerb
{
    private const string UsualTime = "1s";

    private bool _isPartial;   // a server could not be recorded

    [Section("What is traced")]
    [Option("models", MetaValue = "MODEL,…", HelpText = "The models: all by default; none for peers alone.")]
    public string? Models { get; set; }

    [Option("peer", MetaValue = "'NAME=COMMAND'", HelpText = "Another server to trace: a shell command with {port} where the TCP port belongs; may be given several times.")]
    public IEnumerable<string> Peers { get; set; } = [];

    [Option("protocol", Default = "rpc", MetaValue = "PROTOCOL", HelpText = "echo or rpc. Over echo no call takes time: the third client reads its answer 50 ms late.")]
    public string Protocol { get; set; } = "";

    [Option("workers", Default = 4, MetaValue = "N", HelpText = "Workers of a model that has a fixed number of them.")]
    public int Workers { get; set; }

    [Section("A running server")]
    [Option("attach", MetaValue = "PID", HelpText = "Record this process and those that it has started, in place of the story.")]
    public string? Attach { get; set; }

    [Option("for", MetaValue = "TIME", HelpText = $"With --attach: for how long; {UsualTime} by default.")]
    public string? Time { get; set; }

    [Section("Results")]
    [Option("out", Default = "trace.html", MetaValue = "FILE", HelpText = "Where the page is written: one file, which fetches nothing.")]
    public string Out { get; set; } = "";

    [Option("text", HelpText = "Print the lanes in the terminal too, a line each.")]
    public bool Text { get; set; }

    [Option("perfetto", MetaValue = "FILE", HelpText = "Also write the Chrome trace format, for https://ui.perfetto.dev.")]
    public string? Perfetto { get; set; }

    [Option("logs", MetaValue = "DIR", HelpText = "Keep what strace has written there: NAME.server.strace and NAME.clients.strace.")]
    public string? Logs { get; set; }

    public int Run()
    {
        if (Time is not null && Attach is null)
            throw new UsageException("--for needs --attach: the story of the three clients has its own length");
        if (Attach is not null && (Models is not null || Peers.Any()))
            throw new UsageException("--attach records a server that runs: leave --models and --peer out");
        Strace.Path();
        DirectoryInfo? temporary = Logs is null ? Directory.CreateTempSubdirectory("multiplex-") : null;
        try
        {
            string logs = temporary?.FullName ?? Directory.CreateDirectory(Logs!).FullName;
            return Draw(Attach is null ? Stories(logs) : [Running(logs)]);
        }
        finally
        {
            temporary?.Delete(recursive: true);
        }
    }

    private int Draw(List<Scene> scenes)
    {
        if (scenes.Count == 0)
            return ExitStatus.Failed;
        string how = Attach is null
            ? $"The same three clients, served by each over {Protocol}: \"quick\" calls three times and half-closes, \"pieces\" sends its request in two pieces and vanishes, \"slow\" {(Protocol == "rpc" ? "makes a call that takes 50 ms" : "reads its answer 50 ms late")}."
            : $"Process {Attach}, recorded while it ran.";
        File.WriteAllText(Out, TracePage.Of(scenes, how));
        if (Perfetto is not null)
            File.WriteAllText(Perfetto, PerfettoTrace.Of(scenes));
        if (Text)
            Print(scenes);
        Terminal.WriteLine($"The page: {Out}");
        return _isPartial ? ExitStatus.Failed : ExitStatus.Done;
    }

    private static void Print(List<Scene> scenes)
    {
        long duration = scenes.Max(scene => scene.Duration);
        foreach (string line in TextLanes.Legend(scenes[0]))
            Terminal.WriteLine(line, 0);
        foreach (string line in scenes.SelectMany(scene => TextLanes.Of(scene, Terminal.Width ?? Terminal.UsualWidth, duration).Prepend("")))
            StandardStream.Output.WriteLine(line);
        Terminal.WriteLine();
    }

    private Scene Running(string logs)
    {
        int pid = Values.Number("--attach", Attach!, 1, int.MaxValue);
        return Scene.Of(Recorder.Attach(pid, Values.PositiveTime("--for", Time ?? UsualTime), logs));
    }

    private List<Scene> Stories(string logs)
    {
        ProtocolEntry protocol = Values.Named("--protocol", Protocol, ProtocolCatalog.All.Where(entry => entry.Name != ProtocolCatalog.Nfs), entry => entry.Name);
        int workers = Values.Number("--workers", Workers, 1, 64);
        Target[] targets = [.. ChosenModels().Select(model => new ModelTarget(model, Targets.ThisCommand(), protocol.Name) { Options = ["--workers", $"{workers}"] }), .. Peers.Select(Targets.Peer)];
        Targets.Check(targets, "trace");
        List<Scene> scenes = [];
        foreach (Target target in targets)
        {
            try
            {
                scenes.Add(Scene.Of(Recorder.Record(target, protocol.Name, logs)));
            }
            catch (IOException e) when (targets.Length > 1)
            {
                _isPartial = true;
                StandardStream.Error.WriteLine($"multiplex: {target.Name} is not drawn: {Printable.Of(e.Message)}");
            }
        }

        return scenes;
    }

    private IEnumerable<ServerModelEntry> ChosenModels() => Models switch
    {
        "none" => [],
        null => ServerModelCatalog.All,
        _ => Targets.Chosen("--models", Models, ServerModelCatalog.All, model => model.Name),
    };
}
