using Mono.Unix.Native;
using Multiplex.ServerTests.Harness.Kernel;

namespace Multiplex.ServerTests.Harness.Fleet;

/// <summary>The real etcd, one member, which keeps its data while it is stopped and started again.</summary>
internal sealed class EtcdProcess : IDisposable
{
    private const int MostTries = 10;

    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("etcd");
    private readonly string[] _prefix;
    private readonly int _port, _peerPort;
    private readonly HeldPort[] _held;
    private ServerProcess? _process;

    private EtcdProcess(int port, int peerPort, string[] prefix, params HeldPort[] held) => (_port, _peerPort, _prefix, _held) = (port, peerPort, prefix, held);

    /// <summary>Where it is, as an option has it.</summary>
    public string Url => $"etcd://127.0.0.1:{_port}";

    /// <summary>Starts it at two ports that are free now, and that it has again when it is started again.</summary>
    public static EtcdProcess Start()
    {
        for (int tries = 1; ; tries++)
        {
            HeldPort port = HeldPort.Take(), peerPort = HeldPort.Take();
            EtcdProcess etcd = new(port.Number, peerPort.Number, [], port, peerPort);
            if (etcd.TryStart())
                return etcd;
            IReadOnlyList<string> errors = etcd._process!.Errors;
            etcd.Dispose();
            if (tries == MostTries)
                throw new IOException($"etcd does not start: {string.Join('\n', errors)}");
        }
    }

    /// <summary>Starts it at its usual ports, on every interface.</summary>
    /// <param name="prefix">The command that runs it in another network.</param>
    public static EtcdProcess StartAtUsualPort(string[] prefix)
    {
        EtcdProcess etcd = new(2379, 2380, prefix);
        return etcd.TryStart() ? etcd : throw new IOException($"etcd does not start: {string.Join('\n', etcd._process!.Errors)}");
    }

    /// <summary>Kills it.</summary>
    public void Kill()
    {
        _process!.SignalAll(Signum.SIGKILL);
        _process!.WaitForExit();
    }

    /// <summary>It takes connections and bytes, and answers nothing, until it goes on.</summary>
    public void Stop() => _process!.SignalAll(Signum.SIGSTOP);

    /// <summary>After <see cref="Stop"/>.</summary>
    public void GoOn() => _process!.SignalAll(Signum.SIGCONT);

    /// <summary>Starts it again.</summary>
    /// <param name="empty">Whether all keys are lost.</param>
    public void StartAgain(bool empty = false)
    {
        _process!.Dispose();
        if (empty)
            _data.Delete(recursive: true);
        if (!TryStart())
            throw new IOException($"etcd does not start again: {string.Join('\n', _process!.Errors)}");
    }

    public void Dispose()
    {
        _process?.Dispose();
        _data.Refresh();
        if (_data.Exists)
            _data.Delete(recursive: true);
        Array.ForEach(_held, port => port.Dispose());
    }

    // Short elections, for a member that is alone, allow leases of one second.
    private bool TryStart()
    {
        string client = $"http://127.0.0.1:{_port}", peer = $"http://127.0.0.1:{_peerPort}";
        string[] command =
        [
            .. _prefix, Tools.Require("etcd"), "--data-dir", _data.FullName, "--listen-client-urls", _prefix.Length == 0 ? client : $"http://0.0.0.0:{_port}", "--advertise-client-urls", client,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", $"default={peer}", "--unsafe-no-fsync",
            "--heartbeat-interval", "10", "--election-timeout", "100", "--logger", "zap", "--log-outputs", "stderr",
        ];
        _process?.Dispose();
        _process = ServerProcess.LaunchProgram(command[0], command[1..]);
        Eventually.Holds(() => _process!.HasExited || Serves, () => string.Join('\n', _process!.Errors));
        return !_process.HasExited;
    }

    private bool Serves => _process!.Errors.Any(line => line.Contains("serving client", StringComparison.Ordinal));
}
