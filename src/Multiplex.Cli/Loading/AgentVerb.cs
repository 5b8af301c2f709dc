using CommandLine;
using Multiplex.Cli.Engines;
using Multiplex.Cli.Options;
using Multiplex.Cli.Output;
using Multiplex.Load.Agents;
using Multiplex.Load.Reporting;
using Multiplex.Load.Reporting.Formats;

namespace Multiplex.Cli.Loading;

[Verb("agent", HelpText = "Make this machine's part of loads that 'multiplex load --agents' coordinates: wait for them at a NATS server.")]
internal sealed class AgentOptions : IVerb
{
    internal const string NatsHelp = $"The NATS server at which agents and coordinators meet: {FleetEngines.NatsForm}. Default: the environment's NATS_URL.";

    private HistogramLog _log = new();   // of the run that is under way

    [Option("nats", MetaValue = "URL", HelpText = NatsHelp)]
    public string? Nats { get; set; }

    [Option("name", MetaValue = "NAME", HelpText = "By which name this agent is known: letters, digits, '.', '-' and '_'. Default: the machine's name and the process.")]
    public string? Name { get; set; }

    [Option("role", Default = "load", MetaValue = "load|measure", HelpText = "load: make a part of each load. measure: make few calls beside those that load, for load --measure-rate, and measure their latencies.")]
    public string Role { get; set; } = "";

    [Option("runs", Default = 0, MetaValue = "N", HelpText = "End after so many runs, with exit status 1 if one of them failed; 0 goes on until it is stopped.")]
    public int Runs { get; set; }

    [Option("results", MetaValue = "FOLDER", HelpText = "Write what this agent alone measured in each run there: RUN-NAME.json, as load --json does, and RUN-NAME.hlog, as load --hlog does.")]
    public string? Results { get; set; }

    [Option("files", MetaValue = "FOLDER", HelpText = "Where the files are that loads name after --send, --x, --include and --tls-…: in it, and nowhere else. Default: such loads are refused.")]
    public string? Files { get; set; }

    public int Run()
    {
        AgentRole role = Values.Named("--role", Role, Enum.GetValues<AgentRole>(), one => one == AgentRole.Measure ? "measure" : "load");
        if (Name is not null && (Name.Length is 0 or > 100 || Name[0] is '.' or '-' || !Name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '.' or '-' or '_')))
            throw new UsageException($"--name {Name}: write letters, digits, '.', '-' and '_', and a letter or digit first");
        int runs = Values.Number("--runs", Runs, 0, int.MaxValue);
        foreach ((string option, string? folder) in ((string, string?)[])[("--results", Results), ("--files", Files)])
        {
            if (folder is not null && !Directory.Exists(folder))
                throw new UsageException($"{option} {folder}: there is no such folder");
        }

        string url = FleetEngines.NatsUrl(Nats);
        IAgentsEngine engine = FleetEngines.FindAgents(url);
        using Interruption interruption = new();
        LoadAgentOptions options = new() { Role = role, Runs = runs, Understand = Understand, Ended = Write, Say = line => StandardStream.Error.WriteLine($"multiplex: {Printable.Of(line)}") };
        bool succeeded = engine.Serve(url, Name is null ? options : options with { Name = Name }, interruption.Token);
        return succeeded || runs == 0 ? ExitStatus.Done : ExitStatus.Failed;
    }

    // A plan is the options of load, as the coordinator was given them.
    private PlannedLoad Understand(LoadPlan plan, CancellationToken cancelled)
    {
        if (Command.Parse([Verbs.NameOf(typeof(LoadVerbOptions)), .. plan.Words]).Value is not LoadVerbOptions load)
            throw new FormatException($"it does not understand {string.Join(' ', plan.Words)}: agents and coordinator must be of one version");
        try
        {
            Confine(load);
            PlannedLoad planned = load.Understand(plan, cancelled);
            _log = new();
            return Results is null ? planned : planned with { Options = planned.Options with { Interval = _log.Add } };
        }
        catch (UsageException e)
        {
            throw new FormatException(e.Message, e);
        }
    }

    // Plans come from the network, so they read no file of this machine but those that are there for it.
    private void Confine(LoadVerbOptions load)
    {
        (load.SendFile, load.XFile) = (Confined("--send", load.SendFile), Confined("--x", load.XFile));
        (load.TlsCa, load.TlsCertificate, load.TlsKey) = (Confined("--tls-ca", load.TlsCa), Confined("--tls-cert", load.TlsCertificate), Confined("--tls-key", load.TlsKey));
        if (load.Folders is { } folders)
            load.Folders = string.Join('\n', folders.Split('\n').Select(folder => Confined("--include", folder)));
    }

    private string? Confined(string option, string? file)
    {
        if (file is null)
            return null;
        string folder = Path.GetFullPath(Files ?? throw new UsageException($"{option} {file}: this agent reads no files for others: start it with --files FOLDER"));
        string path = Path.GetFullPath(Path.Combine(folder, file));
        return path.StartsWith(folder.TrimEnd('/') + '/', StringComparison.Ordinal) ? path : throw new UsageException($"{option} {file}: it is not in this agent's --files {Files}");
    }

    private void Write(AgentResult result)
    {
        if (Results is null)
            return;
        string path = Path.Combine(Results, $"{result.Plan.Run}-{result.Agent}");
        File.WriteAllText($"{path}.json", LoadReport.Of(result.Tally, result.Load.Options, result.Load.Asked).ToJson() + "\n");
        File.WriteAllText($"{path}.hlog", _log.ToText(result.Tally.StartedAt));
    }
}
