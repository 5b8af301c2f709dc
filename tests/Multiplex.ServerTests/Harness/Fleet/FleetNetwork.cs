namespace Multiplex.ServerTests.Harness.Fleet;

/// <summary>
/// A network with etcd and the name services of two machines, which are two addresses of its loopback interface: each name service has port 111 of its own.
/// </summary>
internal sealed class FleetNetwork : IDisposable
{
    public const string First = "127.0.0.1", Second = "127.0.0.2";

    private readonly OwnNetwork _network;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("fleet");
    private readonly List<ServerProcess> _names = [];

    public FleetNetwork()
    {
        FleetCommand.Require();
        _network = new();
        Etcd = EtcdProcess.StartAtUsualPort(_network.Prefix);
    }

    public EtcdProcess Etcd { get; }

    /// <summary>Where the second name service keeps the zone.</summary>
    public string ZoneFile => Path.Combine(_folder.FullName, "fleet.zone");

    /// <summary>The name services.</summary>
    public IReadOnlyList<ServerProcess> Names => _names;

    /// <summary>Starts the name services.</summary>
    /// <param name="lease">How long their registrations outlive them.</param>
    public void StartNames(string lease)
    {
        foreach (string host in (string[])[First, Second])
        {
            _names.Add(Start(
                3, "rpcbind", "--listen", $"tcp://{host}:111", "--listen", $"udp://{host}:111", "--listen", $"unix:{_folder.FullName}/{host}",
                "--backend", Etcd.Url, "--advertise", host, "--lease", lease, "--export-srv", host == Second ? ZoneFile : $"{ZoneFile}.first"));
        }
    }

    /// <summary>Starts the command under test in that network.</summary>
    public ServerProcess Start(int endpoints, params string[] arguments) =>
        _network.Start(endpoints, ServerProcess.Command, arguments);

    /// <summary>Starts a server on the first machine.</summary>
    public ServerProcess Serve(string model, params string[] options) => Start(
        2, ["serve", "--model", model, "--listen", $"tcp://{First}:0", "--listen", $"udp://{First}:0", .. options]);

    /// <summary>Runs a program to its end in that network.</summary>
    public ProgramRun Run(string program, params string[] arguments) => _network.Run(program, arguments);

    /// <summary>Runs the command under test in that network.</summary>
    public ProgramRun Multiplex(params string[] arguments) => Run(ServerProcess.Command, arguments);

    /// <summary>As <see cref="Multiplex"/>, and again while etcd is too slow to say where the servers are: nothing was called then.</summary>
    public ProgramRun MultiplexByEtcd(params string[] arguments)
    {
        ProgramRun run = null!;
        Eventually.Holds(
            () =>
            {
                run = Multiplex(arguments);
                return run.Status == 0 || !Array.Exists(run.Errors, line => line.Contains("etcd at ", StringComparison.Ordinal) && line.Contains("does not answer", StringComparison.Ordinal));
            },
            "etcd does not answer");
        return run;
    }

    /// <summary>The universal addresses of the program that a name service knows, by rpcinfo(8): program, version, netid, address, service, owner.</summary>
    public string[] Servers(string host) =>
    [
        .. Run(Tools.Require("rpcinfo"), host).Lines.Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(fields => fields[0] == $"{RpcWire.Program}").Select(fields => fields[3]),
    ];

    /// <summary>Waits until a name service knows these, and no others.</summary>
    public void AwaitServers(string host, params string[] addresses) =>
        Eventually.Holds(() => Servers(host).Order().SequenceEqual(addresses.Order()), () => $"{host}: {string.Join(' ', Servers(host))} and not {string.Join(' ', addresses)}");

    public void Dispose()
    {
        _names.ForEach(one => one.Dispose());
        Etcd.Dispose();
        _network.Dispose();
        _folder.Delete(recursive: true);
    }
}

/// <summary>The command's other binary.</summary>
internal static class FleetCommand
{
    /// <summary>Its path. The test is skipped where it is not beside the command.</summary>
    public static string Require()
    {
        string path = Path.Combine(Path.GetDirectoryName(ServerProcess.Command)!, "multiplex-fleet");
        if (!File.Exists(path))
            Tools.Missing($"{path} is not there: run ./run-all.sh build");
        return path;
    }
}
