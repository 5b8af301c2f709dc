using System.Text;

namespace Multiplex.Fleet.Etcd;

/// <summary>
/// Keeps entries in etcd under a lease, which is extended three times before it ends. If etcd has lost the lease, or a key was deleted, they are
/// written again; a failed write is repeated. When the process dies, the lease ends and the entries with it.
/// </summary>
internal sealed class EtcdRegistrations : IAsyncDisposable
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(300), s_revokeWithin = TimeSpan.FromSeconds(10);

    private readonly EtcdClient _client;
    private readonly TimeSpan _ttl;
    private readonly Trouble _trouble;
    private readonly SemaphoreSlim _change = new(0);
    private readonly TaskCompletionSource _written = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _keeping;
    private readonly Dictionary<string, FleetEntry> _present = [];   // written under the lease
    private readonly Func<IEnumerable<FleetEntry>> _wanted;
    private long _lease;   // 0: none

    /// <summary>Begins to keep entries.</summary>
    /// <param name="client">The client of etcd, which the caller disposes of.</param>
    /// <param name="ttl">How long the entries outlive this process. It is rounded up to seconds; etcd has a minimum, usually 2 s.</param>
    /// <param name="say">Reports, in one line, that etcd does not answer, and later that it answers again.</param>
    /// <param name="wanted">Returns the entries. Called after <see cref="Changed"/>, and three times in the life of a lease.</param>
    public EtcdRegistrations(EtcdClient client, TimeSpan ttl, Action<string> say, Func<IEnumerable<FleetEntry>> wanted)
    {
        (_client, _ttl, _wanted) = (client, ttl, wanted);
        _trouble = new(say);
        _keeping = Task.Run(KeepAsync);
    }

    /// <summary>Completes when the entries are written for the first time.</summary>
    public Task Written => _written.Task;

    /// <summary>Why they cannot be written now; null while they can.</summary>
    public string? Problem => _trouble.Problem;

    /// <summary>Whether the last request that failed had no answer in time: etcd may be slow.</summary>
    public bool IsSilence { get; private set => Volatile.Write(ref field, value); }

    /// <summary>The lease; 0 for none.</summary>
    public long Lease => Volatile.Read(ref _lease);

    /// <summary>The entries have changed. Returns at once.</summary>
    public void Changed() => _change.Release();

    /// <summary>Deletes the entries, within 10 seconds; else they end with the lease.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _keeping.ConfigureAwait(false);
        if (_lease != 0)
        {
            using CancellationTokenSource limit = new(s_revokeWithin);
            try
            {
                await RevokeAsync(limit.Token).ConfigureAwait(false);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                _trouble.Say(e.Message, $"the registrations in etcd end with their lease, in {_ttl.TotalSeconds:0.#} s");
            }
        }

        _stop.Dispose();
        _change.Dispose();
    }

    // Again while etcd does not answer in time. A request that it has carried out without an answer may be among them.
    private async Task RevokeAsync(CancellationToken limit)
    {
        while (true)
        {
            try
            {
                await _client.RevokeAsync(_lease, limit).ConfigureAwait(false);
                return;
            }
            catch (EtcdException e) when (e.IsLeaseGone)
            {
                return;
            }
            catch (EtcdException e) when (e.IsSilence && !limit.IsCancellationRequested)
            {
                // It is asked again.
            }
        }
    }

    private async Task KeepAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                if (_trouble.Problem is not null && _lease != 0)
                    await ExtendAsync().ConfigureAwait(false);   // WriteAsync may have nothing to write, and would not detect whether etcd answers and has the lease
                await WriteAsync().ConfigureAwait(false);
                _trouble.Over();
                _written.TrySetResult();
                if (!await _change.WaitAsync(_ttl / 3, _stop.Token).ConfigureAwait(false))
                    await ExtendAsync().ConfigureAwait(false);
            }
            catch (EtcdException e) when (e.IsLeaseGone)
            {
                Forget();
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)   // of any kind: the entries would end with the lease, with no message
            {
                IsSilence = e is EtcdException { IsSilence: true };
                _trouble.Say(e.Message, "registrations are written when it answers");
                await Task.Delay(s_pause, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    // Writes what is wanted and not present, and deletes what is present and not wanted, as far as this process knows.
    private async Task WriteAsync()
    {
        if (_lease == 0)
            Volatile.Write(ref _lease, (await _client.GrantAsync(_ttl, _stop.Token).ConfigureAwait(false)).Id);
        Dictionary<string, FleetEntry> wanted = _wanted().DistinctBy(entry => entry.Key(_client.Address.Prefix)).ToDictionary(entry => entry.Key(_client.Address.Prefix));
        foreach ((string key, FleetEntry entry) in wanted)
        {
            if (_present.GetValueOrDefault(key) == entry)
                continue;
            await _client.PutAsync(PutOf(key, entry), _stop.Token).ConfigureAwait(false);
            _present[key] = entry;
        }

        foreach (string key in _present.Keys.Except(wanted.Keys).ToArray())
        {
            // Not what another process has written since.
            byte[] bytes = Encoding.UTF8.GetBytes(key);
            await _client.TxnAsync(new([new("LEASE", bytes, Lease: _lease)], [new(RequestDeleteRange: new(bytes))]), _stop.Token).ConfigureAwait(false);
            _present.Remove(key);
        }
    }

    private async Task ExtendAsync()
    {
        if (!await _client.KeepAliveAsync(_lease, _stop.Token).ConfigureAwait(false))
        {
            Forget();
            return;
        }

        HashSet<string> kept = [.. (await _client.KeysAsync(_lease, _stop.Token).ConfigureAwait(false)).Select(Encoding.UTF8.GetString)];
        foreach ((string key, FleetEntry entry) in _present.Where(one => !kept.Contains(one.Key)))
            await _client.TxnAsync(new([new("VERSION", Encoding.UTF8.GetBytes(key), Version: 0)], [new(RequestPut: PutOf(key, entry))]), _stop.Token).ConfigureAwait(false);
    }

    private void Forget()
    {
        Volatile.Write(ref _lease, 0);
        _present.Clear();
    }

    private PutRequest PutOf(string key, FleetEntry entry) => new(Encoding.UTF8.GetBytes(key), entry.ValueBytes(), _lease);
}
