using Multiplex.Cli.Engines;
using Multiplex.Fleet.Dns;
using Multiplex.Fleet.Etcd;
using Multiplex.Rpc.Binding;

namespace Multiplex.Fleet.Cli;

/// <summary>
/// etcd behind a name service. The registrations of this machine are kept there under a lease of this process. Those of other machines are looked up in a copy that follows etcd, so
/// that no look-up waits for etcd.
/// </summary>
/// <param name="address">The members of etcd.</param>
/// <param name="options">How it is used.</param>
internal sealed class EtcdBackend(EtcdAddress address, NameBackendOptions options) : INameBackend
{
    private readonly OwnEntries _own = new(address, options);
    private readonly EtcdClient _client = new(address);
    private IReadOnlyList<Registration> _local = [];
    private EtcdRegistrations? _registrations;
    private EtcdMirror? _mirror;
    private Action<string> _say = _ => { };
    private bool _hasSaidOfWriting, _zoneFailed;
    private string? _zone;

    public IReadOnlyList<Registration> Elsewhere { get; private set => Volatile.Write(ref field, value); } = [];

    public void Start(IReadOnlyList<Registration> local, Action<string> say)
    {
        _say = say;
        Volatile.Write(ref _local, local);
        if (options.Advertise.Count == 0 && _own.AreOfThisMachineAlone)
            say("etcd is reached over the loopback interface, so servers are registered there for this machine alone: --advertise ADDRESS says by which address others reach it");
        _registrations = new(_client, options.Lease, SayOfWriting, () => _own.Of(Volatile.Read(ref _local)));
        _mirror = new(_client, FleetEntry.KeysOf(address.Prefix), say, Update);
    }

    public void Set(IReadOnlyList<Registration> local)
    {
        Volatile.Write(ref _local, [.. local]);
        _registrations!.Changed();
    }

    public void Dispose()
    {
        _mirror?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _registrations?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _client.Dispose();
    }

    // The copy reports an outage, so that it is reported once. Writing alone can fail too: for example, when etcd has no space.
    private void SayOfWriting(string line)
    {
        bool isOver = _registrations?.Problem is null;
        if (isOver ? !_hasSaidOfWriting : _mirror?.Problem is not null)
            return;
        _hasSaidOfWriting = !isOver;
        _say(line);
    }

    private void Update(IReadOnlyList<FleetEntry> all)
    {
        long lease = _registrations!.Lease;
        HashSet<string> own = [.. _own.Of(Volatile.Read(ref _local)).Select(entry => entry.Key(address.Prefix))];
        Elsewhere = [.. all.Where(entry => (lease == 0 || entry.Lease != lease) && !own.Contains(entry.Key(address.Prefix))).Select(entry => entry.Registration)];
        if (options.ZoneFile is { } file)
            Export(file, SrvZone.Of(all, options.Lease));
    }

    private void Export(string file, string zone)
    {
        if (zone == _zone)
            return;
        try
        {
            SrvZone.Write(file, zone);
            (_zone, _zoneFailed) = (zone, false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!_zoneFailed)
                _say($"--export-srv {file}: {e.Message}");
            _zoneFailed = true;
        }
    }
}
