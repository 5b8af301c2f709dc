using Multiplex.ServerTests.Harness.Binding;

namespace Multiplex.ServerTests.Harness.Nfs;

/// <summary>
/// nfs-ganesha(8), another NFS server, in a network of its own: MOUNT and NFS are on two ports over TCP and UDP, registered with the name service.
/// </summary>
internal sealed class GaneshaServer : IDisposable
{
    private readonly string _ganesha = Tools.Require("ganesha.nfsd");
    private readonly NameServiceProcess _network = NameServiceProcess.Start(NameServiceKind.Multiplex);
    private readonly ServerProcess _server;

    public GaneshaServer()
    {
        Folder = Directory.CreateTempSubdirectory("multiplex-ganesha-").FullName;
        Directory.CreateDirectory(Tree);
        Script = Path.Combine(Folder, "ganesha.sh");
        File.WriteAllText(
            Script,
            $$"""
            conf=$(mktemp -p {{Folder}})
            cat > "$conf" <<CONF
            NFS_CORE_PARAM { NFS_Port = $1; MNT_Port = $2; Protocols = 3; Enable_NLM = false; Enable_RQUOTA = false; mount_path_pseudo = false; }
            EXPORT { Export_Id = 1; Path = $3; Pseudo = /x; Access_Type = RW; Squash = No_Root_Squash; SecType = sys; FSAL { Name = VFS; } }
            CONF
            mkdir -p /run/ganesha
            exec {{_ganesha}} -F -L /dev/stderr -f "$conf" -p "$conf.pid"

            """);
        try
        {
            _server = _network.StartProgram("sh", Script, "20490", "20491", Tree);
            Eventually.Holds(() => Multiplex("nfs", "ls", Url).Status == 0, () => string.Join('\n', _server.Errors));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>A folder of the tests on this machine.</summary>
    public string Folder { get; }

    /// <summary>What it exports.</summary>
    public string Tree => Path.Combine(Folder, "tree");

    /// <summary>The path of that folder in its network.</summary>
    public string Url => $"nfs://127.0.0.1{Tree}";

    /// <summary>A script that starts another: its words are the ports of NFS and of MOUNT, and what to export.</summary>
    public string Script { get; }

    /// <summary>Runs the command under test in its network.</summary>
    public ProgramRun Multiplex(params string[] arguments) => _network.Multiplex(arguments);

    /// <summary>Runs any program there.</summary>
    public ProgramRun Run(string program, params string[] arguments) => _network.Run(program, arguments);

    public void Dispose()
    {
        _server?.Dispose();
        _network.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}
