namespace Multiplex.ServerTests.Harness.Fleet;

/// <summary>
/// Machines with a server each, and one in front of them with etcd: a network namespace each, and a link, veth(4), between each machine and the one in front. The
/// servers register themselves in etcd. They may share their replies in a Redis, which is in front too.
/// </summary>
internal sealed class FleetMachines : IDisposable
{
    public const int Port = 4000;

    private readonly string[] _models;
    private readonly OwnNetwork[] _machines;
    private readonly ServerProcess?[] _servers;
    private readonly List<SharedCounters> _counters = [];
    private readonly ServerProcess? _redis;

    /// <summary>Starts them.</summary>
    /// <param name="models">The server model of each machine.</param>
    /// <param name="shareReplies">Whether they share their replies.</param>
    public FleetMachines(string[] models, bool shareReplies = false)
    {
        FleetCommand.Require();
        _models = models;
        _machines = [.. models.Select(_ => new OwnNetwork())];
        _servers = new ServerProcess?[models.Length];
        for (int i = 0; i < models.Length; i++)
            Link(i);
        Etcd = EtcdProcess.StartAtUsualPort(Front.Prefix);
        if (shareReplies)
            _redis = StartRedis();
        for (int i = 0; i < models.Length; i++)
            Serve(i);
    }

    /// <summary>The network in front of the machines.</summary>
    public OwnNetwork Front { get; } = new();

    /// <summary>etcd, in front.</summary>
    public EtcdProcess Etcd { get; }

    /// <summary>What ADD has added up to in all servers that there have been.</summary>
    public long Sum => _counters.Sum(one => one[Counter.Sum]);

    /// <summary>The address of a machine.</summary>
    public static string Address(int machine) => $"10.67.{machine}.2";

    /// <summary>Starts the server of a machine.</summary>
    public void Serve(int machine)
    {
        SharedCounters counters = new();
        _counters.Add(counters);
        _servers[machine] = _machines[machine].Start(
            1, ServerProcess.Command,
            ["serve", "--model", _models[machine], "--listen", $"tcp://*:{Port}", "--register-at", $"etcd://10.67.{machine}.1:2379", "--lease", "2s", "--drain", "2s",
                .. _redis is null ? (string[])[] : ["--reply-store", $"redis://10.67.{machine}.1:6379"], .. counters.Option]);
    }

    /// <summary>Kills all processes of a machine's server, with the one that keeps its registration.</summary>
    public void Kill(int machine)
    {
        _servers[machine]!.SignalAll(Mono.Unix.Native.Signum.SIGKILL);
        _servers[machine]!.Dispose();
    }

    /// <summary>Stops the server of a machine.</summary>
    public void Stop(int machine)
    {
        _servers[machine]!.Stop();
        _servers[machine]!.Dispose();
    }

    /// <summary>Cuts the link to a machine: what is sent to it, or by it, is lost.</summary>
    public void Cut(int machine) => Front.Successfully("ip", "link", "set", $"to{machine}", "down");

    /// <summary>Mends the link.</summary>
    public void Mend(int machine) => Front.Successfully("ip", "link", "set", $"to{machine}", "up");

    public void Dispose()
    {
        foreach (ServerProcess? server in _servers)
            server?.Dispose();
        Etcd?.Dispose();
        _redis?.Dispose();
        foreach (OwnNetwork machine in _machines)
            machine.Dispose();
        Front.Dispose();
        _counters.ForEach(one => one.Dispose());
    }

    // It persists nothing, and is not ended before the servers.
    private ServerProcess StartRedis()
    {
        ServerProcess redis = Front.Start(0, Tools.Require("redis-server"), "--bind", "0.0.0.0", "--protected-mode", "no", "--save", "", "--appendonly", "no");
        Eventually.Holds(() => Front.Run(Tools.Require("redis-cli"), "ping").Lines.Contains("PONG"), () => string.Join('\n', redis.Errors));
        return redis;
    }

    private void Link(int machine)
    {
        Front.Successfully("ip", "link", "add", $"to{machine}", "type", "veth", "peer", "name", "front", "netns", $"{_machines[machine].Id}");
        Front.Successfully("ip", "address", "add", $"10.67.{machine}.1/24", "dev", $"to{machine}");
        _machines[machine].Successfully("ip", "address", "add", $"{Address(machine)}/24", "dev", "front");
        _machines[machine].Successfully("ip", "link", "set", "front", "up");
        Mend(machine);
    }
}
