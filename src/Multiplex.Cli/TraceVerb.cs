using CommandLine;
using Multiplex.Cli.Loading;
using Multiplex.Cli.Options;
using Multiplex.Cli.Output;
using Multiplex.Load.Comparison;
using Multiplex.Load.Processes;
using Multiplex.Models;
using Multiplex.Tracing.Drawing;
using Multiplex.Tracing.Lanes;
using Multiplex.Tracing.Recordings;

namespace Multiplex.Cli;

[Verb("trace", HelpText = "Record with strace(1) what each server model does for the same three clients, and draw it: processes, threads, waits and bytes in trace.html.")]
internal sealed class TraceOptions : IVerb
{
    private const string UsualTime = "1s", UsualProtocol = "rpc";
    private const int UsualWorkers = 4;

    private bool _isPartial;   // a server could not be recorded

    [Section("What is traced")]
    [Option("models", MetaValue = "MODEL,…", HelpText = "The models: all by default; none for peers alone.")]
    public string? Models { get; set; }

    [Option("peer", MetaValue = "'NAME=COMMAND'", HelpText = "Another server to trace: a shell command with {port} where the TCP port belongs; may be given several times.")]
    public IEnumerable<string> Peers { get; set; } = [];

    [Option("protocol", MetaValue = "PROTOCOL", HelpText = $"echo or rpc; {UsualProtocol} by default. Over echo no call takes time: the third client reads its answer 50 ms late.")]
    public string? Protocol { get; set; }

    [Option("workers", MetaValue = "N", HelpText = "Workers of a model that has a fixed number of them; 4 by default.")]
    public int? Workers { get; set; }

    [Section("A running server")]
    [Option("attach", MetaValue = "PID", HelpText = "Record this process and those that it has started, in place of the story.")]
    public string? Attach { get; set; }

    [Option("for", MetaValue = "TIME", HelpText = $"With --attach: for how long; {UsualTime} by default.")]
    public string? Time { get; set; }

    [Section("Results")]
    [Option("out", Default = "trace.html", MetaValue = "FILE", HelpText = "Where the page is written: one file, which fetches nothing. - is standard output.")]
    public string Out { get; set; } = "";

    [Option("text", HelpText = "Print the lanes in the terminal too, a line each.")]
    public bool Text { get; set; }

    [Option("perfetto", MetaValue = "FILE", HelpText = "Also write the Chrome trace format, for https://ui.perfetto.dev.")]
    public string? Perfetto { get; set; }

    [Option("logs", MetaValue = "DIR", HelpText = "Keep what strace has written there: NAME.server.strace and NAME.clients.strace; with --attach PID.server.strace.")]
    public string? Logs { get; set; }

    private string ChosenProtocol => Protocol ?? UsualProtocol;

    public int Run()
    {
        if (Time is not null && Attach is null)
            throw new UsageException("--for needs --attach: the story of the three clients has its own length");
        if (Attach is not null && (Models is not null || Peers.Any() || Protocol is not null || Workers is not null))
            throw new UsageException("--attach records a server that runs: leave --models, --peer, --protocol and --workers out");
        Func<string, CancellationToken, List<Scene>> record = Attach is null ? Stories() : Running();
        using ResultFiles files = new(("--out", Out), ("--perfetto", Perfetto));
        if (Text && files.UseStandardOutput)
            throw new UsageException("--text prints on standard output: write a file in place of -");
        Strace.Path();
        DirectoryInfo? temporary = Logs is null ? TemporaryFolder.Create() : null;
        using Interruption interruption = new();
        try
        {
            List<Scene> scenes = record(temporary?.FullName ?? LogFolder(Logs!), interruption.Token);
            interruption.Token.ThrowIfCancellationRequested();
            return Draw(scenes, files);
        }
        catch (Exception e) when (e is OperationCanceledException || (e is IOException && interruption.Token.IsCancellationRequested))
        {
            StandardStream.Error.WriteLine("multiplex: trace was interrupted; no page was written");
            return ExitStatus.Interrupted;
        }
        finally
        {
            temporary?.Delete(recursive: true);
        }
    }

    private static string LogFolder(string folder)
    {
        try
        {
            return Directory.CreateDirectory(folder).FullName;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new UsageException($"--logs {folder}: {e.Message}");
        }
    }

    private int Draw(List<Scene> scenes, ResultFiles files)
    {
        if (scenes.Count == 0)
            return ExitStatus.Failed;
        string how = Attach is null
            ? $"The same three clients, served by each over {ChosenProtocol}: \"quick\" calls three times and half-closes, \"pieces\" sends its request in two pieces and vanishes, \"slow\" {(ChosenProtocol == "rpc" ? "makes a call that takes 50 ms" : "reads its answer 50 ms late")}."
            : $"Process {Attach}, recorded while it ran.";
        bool isWritten = files.Write(("--out", () => TracePage.Of(scenes, how)), ("--perfetto", () => PerfettoTrace.Of(scenes)));
        if (Text)
            Print(scenes);
        if (isWritten && !files.UseStandardOutput)
            Terminal.WriteLine($"The page: {Out}");
        return _isPartial || !isWritten ? ExitStatus.Failed : ExitStatus.Done;
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

    private Func<string, CancellationToken, List<Scene>> Running()
    {
        int pid = Values.Number("--attach", Attach!, 1, int.MaxValue);
        TimeSpan time = Values.PositiveTime("--for", Time ?? UsualTime);
        if (!Directory.Exists($"/proc/{pid}"))
            throw new UsageException($"--attach {pid}: there is no such process");
        return (logs, interrupted) => [Scene.Of(Recorder.Attach(pid, time, logs, interrupted))];
    }

    private Func<string, CancellationToken, List<Scene>> Stories()
    {
        ProtocolEntry protocol = Values.Named("--protocol", ChosenProtocol, ProtocolCatalog.All.Where(entry => entry.Name != ProtocolCatalog.Nfs), entry => entry.Name);
        int workers = Values.Number("--workers", Workers ?? UsualWorkers, 1, 64);
        Target[] targets = [.. ChosenModels().Select(model => new ModelTarget(model, Targets.ThisCommand(), protocol.Name) { Options = ["--workers", $"{workers}"] }), .. Peers.Select(Targets.Peer)];
        Targets.Check(targets, "trace");
        return (logs, interrupted) => Record(targets, protocol.Name, logs, interrupted);
    }

    private List<Scene> Record(Target[] targets, string protocol, string logs, CancellationToken interrupted)
    {
        List<Scene> scenes = [];
        foreach (Target target in targets)
        {
            try
            {
                scenes.Add(Scene.Of(Recorder.Record(target, protocol, logs, interrupted)));
            }
            catch (IOException e) when (targets.Length > 1 && !interrupted.IsCancellationRequested)
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
