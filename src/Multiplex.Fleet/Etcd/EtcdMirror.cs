using System.Text;

namespace Multiplex.Fleet.Etcd;

/// <summary>
/// A copy of a fleet's entries that follows etcd: all of them are listed at a revision, and watched from the next one on; if etcd has compacted that revision,
/// they are listed again. While etcd does not answer, the copy stays as it is.
/// </summary>
internal sealed class EtcdMirror : IAsyncDisposable
{
    // A new watch detects a connection that is broken without a notice. No change is lost between two watches, as each begins at a revision.
    private static readonly TimeSpan s_watchFor = TimeSpan.FromSeconds(10), s_pause = TimeSpan.FromMilliseconds(300);

    private readonly EtcdClient _client;
    private readonly string _prefix;
    private readonly byte[] _keys;
    private readonly Trouble _trouble;
    private readonly Action<IReadOnlyList<FleetEntry>>? _changed;
    private readonly SortedDictionary<string, FleetEntry> _entries = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _listed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _following;
    private long _revision;

    /// <summary>Begins to follow.</summary>
    /// <param name="client">The client of etcd, which the caller disposes of.</param>
    /// <param name="keys">What the keys begin with: <see cref="FleetEntry.KeysOf"/>.</param>
    /// <param name="say">Reports, in one line, that etcd does not answer, and later that it answers again.</param>
    /// <param name="changed">Called with the entries after each change, one at a time. It must not throw.</param>
    public EtcdMirror(EtcdClient client, string keys, Action<string> say, Action<IReadOnlyList<FleetEntry>>? changed = null)
    {
        (_client, _prefix, _keys, _changed) = (client, client.Address.Prefix, Encoding.UTF8.GetBytes(keys), changed);
        _trouble = new(say);
        _following = Task.Run(FollowAsync);
    }

    /// <summary>The entries, in the order of their keys.</summary>
    public IReadOnlyList<FleetEntry> Entries { get; private set => Volatile.Write(ref field, value); } = [];

    /// <summary>Completes when they are listed for the first time.</summary>
    public Task Listed => _listed.Task;

    /// <summary>Why they cannot be followed now; null while they are.</summary>
    public string? Problem => _trouble.Problem;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _following.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task FollowAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await ListAsync().ConfigureAwait(false);
                while (await WatchAsync().ConfigureAwait(false))
                {
                    // The next watch continues where this one ended.
                }
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)   // of any kind: the entries would stay as they are, with no message
            {
                _trouble.Say(e.Message, "what was known of the fleet is used until it answers");
                await Task.Delay(s_pause, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task ListAsync()
    {
        RangeResponse all = await _client.RangeAsync(_keys, _stop.Token).ConfigureAwait(false);
        _entries.Clear();
        foreach (EtcdKeyValue pair in all.Kvs ?? [])
            Put(pair);
        Publish(all.Header.Revision);
        _trouble.Over();
        _listed.TrySetResult();
    }

    // Returns whether the next watch continues from here; if not, the entries are listed again.
    private async Task<bool> WatchAsync()
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        limit.CancelAfter(s_watchFor);
        try
        {
            await foreach (WatchResponse message in _client.WatchAsync(_keys, _revision + 1, limit.Token).ConfigureAwait(false))
            {
                // An etcd that has lost its data sends nothing until it reaches the revision.
                if (message.Canceled || message.CompactRevision > 0 || message.Header.Revision < _revision)
                    break;
                Apply(message);
            }
        }
        catch (OperationCanceledException) when (!_stop.IsCancellationRequested)
        {
            return true;
        }
        catch (IOException)
        {
            // The member has stopped, or has no leader. Listing the entries asks the other members.
        }

        await Task.Delay(s_pause, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return false;
    }

    private void Apply(WatchResponse message)
    {
        if (message.Events is not { Length: > 0 } events)
            return;
        foreach (EtcdEvent one in events)
        {
            if (one.IsDelete)
                _entries.Remove(Encoding.UTF8.GetString(one.Kv.Key));
            else
                Put(one.Kv);
        }

        // Not the header's revision: that is ahead of the events if etcd sends them in several messages.
        Publish(events.Max(one => one.Kv.ModRevision));
    }

    private void Put(EtcdKeyValue pair)
    {
        string key = Encoding.UTF8.GetString(pair.Key);
        if (FleetEntry.Of(_prefix, pair) is { } entry)
            _entries[key] = entry;
        else
            _entries.Remove(key);
    }

    private void Publish(long revision)
    {
        _revision = revision;
        Entries = [.. _entries.Values];
        _changed?.Invoke(Entries);
    }
}

/// <summary>Reports once that etcd does not answer, and once that it answers again.</summary>
/// <param name="say">Writes the lines.</param>
internal sealed class Trouble(Action<string> say)
{
    /// <summary>The failure; null while there is none.</summary>
    public string? Problem { get; private set => Volatile.Write(ref field, value); }

    /// <summary>etcd does not answer.</summary>
    /// <param name="problem">Why.</param>
    /// <param name="effect">What that means meanwhile.</param>
    public void Say(string problem, string effect)
    {
        bool isNew = Problem is null;
        Problem = problem;
        if (isNew)
            say($"{problem}: {effect}");
    }

    public void Over()
    {
        if (Problem is null)
            return;
        Problem = null;
        say("etcd answers again");
    }
}
