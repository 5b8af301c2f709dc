using System.Diagnostics;
using Multiplex.Load.Agents;
using Multiplex.Load.Nats.Messages;
using NATS.Client.Core;

namespace Multiplex.Load.Nats.Coordinating;

/// <summary>Looks for agents: asks all, again and again, until there are enough.</summary>
/// <param name="link">The connection.</param>
/// <param name="options">How many of which.</param>
internal sealed class AgentSearch(NatsLink link, CoordinatorOptions options)
{
    private static readonly TimeSpan s_askEach = TimeSpan.FromMilliseconds(250);

    // Of --agents all: an agent that is there answers within a few round trips.
    private static readonly TimeSpan s_allWithin = TimeSpan.FromSeconds(2);

    private readonly Dictionary<string, Hello> _found = [];

    /// <summary>Those that are free, by role and name: those that load first.</summary>
    /// <exception cref="LoadAgentsException">There are too few, or two have the same name.</exception>
    public async Task<IReadOnlyList<Hello>> FindAsync(CancellationToken cancelled)
    {
        long start = Stopwatch.GetTimestamp();
        string answers = link.NewInbox();
        await using INatsSub<byte[]> heard = await link.ListenAsync(answers, cancelled).ConfigureAwait(false);
        TimeSpan within = options.Agents is null ? s_allWithin : options.Within;
        while (Stopwatch.GetElapsedTime(start) is var elapsed && elapsed < within && (options.Agents is null || !IsEnough()))
        {
            await link.AskAllAsync(Subjects.Find, answers, cancelled).ConfigureAwait(false);
            await ReadAsync(heard, TimeSpan.FromTicks(Math.Min(s_askEach.Ticks, (within - elapsed).Ticks)), cancelled).ConfigureAwait(false);
        }

        return Choose();
    }

    private bool IsEnough() => Free(AgentRole.Load).Count() >= options.Agents && (!options.Measures || Free(AgentRole.Measure).Any());

    private IEnumerable<Hello> Free(AgentRole role) => _found.Values.Where(agent => agent.Role == role && agent.Busy is null).OrderBy(agent => agent.Name, StringComparer.Ordinal);

    private async Task ReadAsync(INatsSub<byte[]> heard, TimeSpan time, CancellationToken cancelled)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancelled);
        limit.CancelAfter(time);
        try
        {
            while (options.Agents is null || !IsEnough())
            {
                NatsMsg<byte[]> answer = await heard.Msgs.ReadAsync(limit.Token).ConfigureAwait(false);
                if (answer.HasNoResponders)
                    continue;
                Hello hello = Message.Read<Hello>(answer.Data);
                _found[hello.Id] = hello;
            }
        }
        catch (OperationCanceledException) when (!cancelled.IsCancellationRequested)
        {
            // Time to ask again.
        }
        catch (FormatException e)
        {
            throw new LoadAgentsException($"an agent answers something else: {e.Message}: are all of one version?");
        }
    }

    private Hello[] Choose()
    {
        Hello[] busy = [.. _found.Values.Where(agent => agent.Busy is not null)];
        Hello[] load = [.. Free(AgentRole.Load)], measure = options.Measures ? [.. Free(AgentRole.Measure)] : [];
        string others = busy.Length == 0 ? "" : $"; in other runs: {string.Join(", ", busy.Select(agent => agent.Name).Order(StringComparer.Ordinal))}";
        if (options.Agents is null && busy.Length > 0)
            throw new LoadAgentsException($"not all agents are free{others}");
        if (load.Length == 0 || load.Length < options.Agents)
            throw new LoadAgentsException($"{load.Length} of {options.Agents ?? 1} agents are there at {link.Url} that load and are free{others}: start one with 'multiplex agent --nats …'");
        if (options.Measures && measure.Length == 0)
            throw new LoadAgentsException($"no agent is there at {link.Url} that measures and is free{others}: start one with 'multiplex agent --role measure --nats …'");
        int loading = options.Agents ?? load.Length;
        foreach ((int count, int connections) in ((int, int)[])[(loading, options.Connections), (measure.Length, options.MeasureConnections)])
        {
            if (count > connections)
                throw new LoadAgentsException($"{count} agents cannot share {connections} connections: write at least {count}");
        }

        Hello[] chosen = [.. load.Take(loading), .. measure];
        if (chosen.GroupBy(agent => agent.Name).FirstOrDefault(group => group.Count() > 1) is { } same)
            throw new LoadAgentsException($"{same.Count()} agents are named {same.Key}: give each another --name");
        return chosen;
    }
}
