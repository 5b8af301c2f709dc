using Multiplex.Load.Merging;

namespace Multiplex.Load.Nats.Coordinating;

/// <summary>Watches the agents of a run: one that is not heard, or does not tell a second or its result in time, fails the run.</summary>
/// <param name="names">The agents.</param>
/// <param name="silence">How long one may be silent, and how late a second may be.</param>
/// <param name="now">Now, a time of <see cref="RunningClock"/>.</param>
internal sealed class RunWatch(IReadOnlyList<string> names, TimeSpan silence, long now)
{
    private const long Second = 1_000_000_000;
    private const long LongestDrain = Second;   // of a generator, for the replies after the end

    private readonly long[] _heardAt = [.. names.Select(_ => now)];
    private readonly bool[] _hasEnded = new bool[names.Count];
    private readonly long _silence = (long)silence.TotalNanoseconds;

    /// <summary>An agent was heard.</summary>
    public void Heard(int agent, long now) => _heardAt[agent] = now;

    /// <summary>An agent has told its result, and is not watched any more.</summary>
    public void Ended(int agent) => _hasEnded[agent] = true;

    /// <summary>The agents that are not heard, as the beginning of a sentence; null for none.</summary>
    public string? Silent(long now)
    {
        string[] silent = [.. names.Where((_, i) => !_hasEnded[i] && now - _heardAt[i] > _silence)];
        return silent.Length == 0 ? null : $"{List(silent)} not heard for {silence.TotalSeconds:0.###} s";
    }

    /// <summary>The first agent that lags, as a sentence; null for none.</summary>
    /// <param name="now">Now.</param>
    /// <param name="began">When measuring began, by the same clock.</param>
    /// <param name="duration">How long is measured.</param>
    /// <param name="merger">What the agents have told.</param>
    public string? Lagging(long now, long began, TimeSpan duration, LoadMerger merger)
    {
        for (int i = 0; i < names.Count; i++)
        {
            if (_hasEnded[i])
                continue;
            int told = merger.SecondsOf(i);
            if (told + 1 <= (int)duration.TotalSeconds && now > began + ((told + 1) * Second) + _silence)
                return $"agent {names[i]} lags: its second {told} has not come {silence.TotalSeconds:0.###} s after its end";
            if (now > began + (long)duration.TotalNanoseconds + LongestDrain + _silence)
                return $"agent {names[i]} lags: its result has not come {silence.TotalSeconds:0.###} s after the end";
        }

        return null;
    }

    /// <summary>Agents as the subject of a sentence, with its verb.</summary>
    public static string List(IReadOnlyCollection<string> agents) =>
        agents.Count == 1 ? $"agent {agents.First()} was" : $"agents {string.Join(", ", agents)} were";
}
