using Multiplex.Cli.Engines;
using Multiplex.Fleet.Etcd;

namespace Multiplex.Fleet.Cli;

/// <summary>etcd as what servers are registered in.</summary>
internal sealed class EtcdNames : INameEngine
{
    public INameBackend Open(NameBackendOptions options) => new EtcdBackend(EtcdAddress.Parse(options.Url), options);

    public IReadOnlyList<FleetServer> Locate(string program, TimeSpan timeout)
    {
        FleetProgram wanted = FleetProgram.Parse(program);
        FleetServer[] found = [.. wanted.Callable(List(wanted, timeout)).Select(entry => new FleetServer(entry.Endpoint, entry.Program, entry.Version))];
        if (found.Length == 0)
            throw new IOException($"{program}: not registered in etcd at {wanted.Etcd}: start a server with --register-at, or see multiplex rpcinfo of a name service with --backend for what is");
        Random.Shared.Shuffle(found);
        return found;
    }

    private static FleetEntry[] List(FleetProgram program, TimeSpan timeout)
    {
        using EtcdClient client = new(program.Etcd);
        using CancellationTokenSource limit = new(timeout);
        try
        {
            RangeResponse all = client.RangeAsync(System.Text.Encoding.UTF8.GetBytes(program.Keys), limit.Token).GetAwaiter().GetResult();
            return [.. (all.Kvs ?? []).Select(pair => FleetEntry.Of(program.Etcd.Prefix, pair)).OfType<FleetEntry>()];
        }
        catch (OperationCanceledException)
        {
            throw new IOException($"etcd at {program.Etcd} does not answer within {timeout.TotalSeconds:0.###} s");
        }
    }
}
