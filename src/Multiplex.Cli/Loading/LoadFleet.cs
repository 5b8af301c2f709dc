using System.Globalization;
using System.Reflection;
using Multiplex.Cli.Engines;
using Multiplex.Cli.Options;
using Multiplex.Load.Agents;
using Multiplex.Load.Engine;
using Multiplex.Load.Measuring;
using Multiplex.Load.Reporting;
using Multiplex.Load.Workload;

namespace Multiplex.Cli.Loading;

/// <summary><c>load --agents</c>: agents on other machines make the load, and this process adds up what they measure.</summary>
internal sealed class LoadFleet
{
    // Options of the coordinator alone, which agents are not given.
    private static readonly string[] s_own =
        ["agents", "nats", "agents-within", "agents-timeout", "slo", "find-capacity", "merge", "json", "csv", "hlog", "html"];

    private readonly LoadVerbOptions _verb;
    private readonly IAgentsEngine _engine;
    private readonly string _url;

    private LoadFleet(LoadVerbOptions verb, IAgentsEngine engine, string url) => (_verb, _engine, _url) = (verb, engine, url);

    /// <summary>That of the options; null where this process makes the load. In multiplex, the process goes on as multiplex-fleet.</summary>
    /// <exception cref="UsageException">They are wrong.</exception>
    /// <exception cref="IOException">There is no multiplex-fleet.</exception>
    public static LoadFleet? Of(LoadVerbOptions verb)
    {
        if (verb.Agents is null)
        {
            UsageException.ThrowIfGiven(
                "it is for --agents N, or --agents all", ("--nats", verb.Nats is null ? null : FleetEngines.Shown(verb.Nats)), ("--agents-within", verb.AgentsWithin), ("--agents-timeout", verb.AgentsTimeout),
                ("--measure-rate", verb.MeasureRate), ("--measure-connections", verb.MeasureConnections));
            return null;
        }

        if (verb.FindCapacity)
            throw new UsageException($"--agents {verb.Agents}: --find-capacity makes its load in one process; leave one of the two out");
        if (verb.MeasureRate is null)
            UsageException.ThrowIfGiven("it is for --measure-rate", ("--measure-connections", verb.MeasureConnections));
        else if (verb.Requests is not null)
            throw new UsageException($"--requests {verb.Requests}: agents that measure do so for a time; write --duration, or leave --measure-rate out");
        if (verb.Agents != "all" && !(int.TryParse(verb.Agents, NumberStyles.None, CultureInfo.InvariantCulture, out int agents) && agents is >= 1 and <= 10_000))
            throw new UsageException($"--agents {verb.Agents}: write how many, from 1 to 10000, or all");
        string url = FleetEngines.NatsUrl(verb.Nats);
        return new(verb, FleetEngines.FindAgents(url), url);
    }

    /// <summary>Makes the load.</summary>
    /// <param name="options">The load.</param>
    /// <param name="asked">The same as the report tells it.</param>
    /// <param name="interrupted">Ends it early.</param>
    /// <returns>What was measured; null when it was interrupted before it began.</returns>
    /// <exception cref="LoadAgentsException">It failed.</exception>
    public (LoadTally Tally, LoadReport Report)? Run(LoadOptions options, LoadReportOptions asked, CancellationToken interrupted)
    {
        LoadOptions told = _verb.MeasureRate is null ? options : _verb.Measuring(options);
        LoadTally tally;
        AgentsReport agents;
        try
        {
            (tally, agents) = LoadProgressLine.Run((progress, say) => _engine.Load(_url, Options(options, told, progress, say), interrupted));
        }
        catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
        {
            return null;
        }

        LoadReport report = LoadReport.Of(tally, told, asked) with { Agents = agents };
        return (tally, _verb.MeasureRate is null ? report : report with { Warnings = [.. report.Warnings, Measurers(agents)] });
    }

    private static string Measurers(AgentsReport agents)
    {
        AgentReport[] all = [.. agents.Agents.Where(agent => agent.Role != "load")];
        return $"the latencies are those of {string.Join(", ", all.Select(agent => agent.Name))} alone, which measured beside the load";
    }

    private CoordinatorOptions Options(LoadOptions options, LoadOptions told, Action<LoadProgress> progress, Action<string> say) =>
        new()
        {
            Agents = _verb.Agents == "all" ? null : int.Parse(_verb.Agents!, CultureInfo.InvariantCulture),
            Measures = _verb.MeasureRate is not null,
            Words = [.. Words()],
            Connections = options.Connections,
            MeasureConnections = told.Connections,
            WarmUp = options.WarmUp,
            Duration = options.Duration,
            NatsWithin = _verb.AgentsWithin is null ? TimeSpan.Zero : Values.PositiveTime("--agents-within", _verb.AgentsWithin),
            Within = Values.PositiveTime("--agents-within", _verb.AgentsWithin ?? "30s"),
            Silence = Values.Time("--agents-timeout", _verb.AgentsTimeout ?? "5s", TimeSpan.FromHours(1)) is { } silence && silence >= TimeSpan.FromSeconds(2)
                ? silence
                : throw new UsageException($"--agents-timeout {_verb.AgentsTimeout}: write a time from 2s to 1h"),
            Say = say,
            Progress = progress,
            Interval = options.Interval,
        };

    // All options that were given, as they were given, but for those of the coordinator.
    private IEnumerable<string> Words()
    {
        foreach ((string name, PropertyInfo property) in Verbs.OptionsOf(typeof(LoadVerbOptions)).Where(option => !s_own.Contains(option.Name)))
        {
            object? value = property.GetValue(_verb);
            if (value is null or false || value.Equals(Verbs.OptionOf(property).Default))
                continue;
            yield return value is true ? $"--{name}" : string.Create(CultureInfo.InvariantCulture, $"--{name}={value}");
        }

        if (_verb.Positional is { } server)
            yield return server;
    }
}
