using System.Text;
using Mono.Unix.Native;
using Multiplex.Nfs.Protocol;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Harness.Nfs;

/// <summary>A directory that the real command serves over NFS, with the server's state beside it.</summary>
internal sealed class NfsExport : IDisposable
{
    /// <summary>The name that clients mount.</summary>
    public const string Name = "/x";

    private readonly string _folder = Directory.CreateTempSubdirectory("multiplex-nfs-").FullName;
    private readonly string _model;
    private readonly string _options;
    private readonly string[] _more;
    private readonly string[] _under;
    private readonly IDisposable? _prepared;
    private readonly Stack<ServerProcess> _servers = [];

    /// <summary>Starts a server.</summary>
    /// <param name="model">Its model.</param>
    /// <param name="options">The options of the export, with a comma before each.</param>
    /// <param name="form">Where it listens.</param>
    /// <param name="user">The user that it runs as; null: that of this process.</param>
    /// <param name="under">A program, and its arguments, that runs the command; null: none.</param>
    /// <param name="prepare">Prepares the directory before the server starts, and returns what undoes that; null: the directory is empty.</param>
    /// <param name="more">More options of the command.</param>
    public NfsExport(
        string model = "pool",
        string options = ",insecure,no_root_squash,async",
        ListenForm form = ListenForm.Tcp,
        uint? user = null,
        string[]? under = null,
        Func<string, IDisposable>? prepare = null,
        params string[] more)
    {
        (_model, _options, _more) = (model, options, more);
        User = user;
        _under = under ?? (user is { } other ? [Tools.Require("setpriv"), "--reuid", $"{other}", "--regid", $"{other}", "--clear-groups"] : []);
        Root = Path.Combine(_folder, "tree");
        Directory.CreateDirectory(Root);
        if (user is { } id)
        {
            Own(_folder, id);
            Own(Root, id);
        }

        try
        {
            _prepared = prepare?.Invoke(Root);
            Start([form.NewLastingEndpoint()]);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The directory.</summary>
    public string Root { get; }

    /// <summary>The user that the server runs as.</summary>
    public uint? User { get; }

    /// <summary>The server that is running.</summary>
    public ServerProcess Server => _servers.Peek();

    /// <summary>A path in the directory.</summary>
    public string At(string name) => Path.Combine(Root, name);

    /// <summary>A path outside the directory, which no client may reach.</summary>
    public string Outside(string name) => Path.Combine(_folder, name);

    /// <summary>A new client.</summary>
    public NfsPeer Connect(uint uid = 0, uint gid = 0, params uint[] groups) => new(Server.Address, uid, gid, groups);

    /// <summary>Kills the server, and starts another at the same address.</summary>
    public void KillAndStartAgain()
    {
        Server.Signal(Signum.SIGKILL);
        Server.WaitForExit();
        Start([Server.Address.Text]);
    }

    public void Dispose()
    {
        _prepared?.Dispose();
        while (_servers.TryPop(out ServerProcess? server))
            server.Dispose();
        ProgramRun.Successfully("rm", ["-rf", _folder]);   // .NET removes no names that are not UTF-8
    }

    private static void Own(string path, uint user) => Posix.Succeeds(Syscall.chown(path, user, user));

    private void Start(string[] endpoints)
    {
        string[] arguments =
        [
            .. ServerProcess.ServeArguments(_model, "nfs", endpoints), "--export", $"{Root}={Name}{_options}", "--state", Path.Combine(_folder, "state"), .. _more,
        ];
        string[] command = [.. _under, ServerProcess.Command, .. arguments];
        _servers.Push(ServerProcess.StartProgram(command[0], command[1..], endpoints.Length));
    }
}

/// <summary>System calls by which tests prepare files.</summary>
internal static class Posix
{
    /// <summary>Fails the test unless the call succeeded.</summary>
    public static void Succeeds(int result) => Assert.That(result, Is.Zero, () => $"{Stdlib.GetLastError()}");
}

/// <summary>A client of NFS and MOUNT that calls as a given user: each procedure, by the stubs that are generated from the .x files.</summary>
internal sealed class NfsPeer : IDisposable
{
    private readonly RpcClient _client;

    public NfsPeer(ServerAddress server, uint uid, uint gid, uint[] groups)
    {
        _client = new(Endpoint.Parse(server.Text), new()
        {
            Authentication = RpcAuthentication.Sys(0x8000_0000 | (uint)Random.Shared.Next(), "tests", uid, gid, groups),
            Timeout = Eventually.Deadline,
            ReconnectFor = Eventually.Deadline,
            ServerKeepsReplies = true,
        });
        Nfs = new(_client);
        Mount = new(_client);
    }

    public RpcClient Client => _client;

    public NfsV3Client Nfs { get; }

    public MountV3Client Mount { get; }

    /// <summary>The handle of the export's root.</summary>
    public NfsFh3 Root() => Mounted(NfsExport.Name);

    /// <summary>The handle of a directory by MNT.</summary>
    public NfsFh3 Mounted(string path)
    {
        Mountres3 result = Mount.Mnt(Encoding.UTF8.GetBytes(path));
        Assert.That(result.FhsStatus, Is.EqualTo(Mountstat3.Mnt3Ok), path);
        return new() { Data = result.Mountinfo!.Fhandle };
    }

    /// <summary>The status of MNT.</summary>
    public Mountstat3 MountStatus(string path) => Mount.Mnt(Encoding.UTF8.GetBytes(path)).FhsStatus;

    public LOOKUP3res Lookup(NfsFh3 directory, byte[] name) => Repeated(() => Nfs.Lookup(new() { What = new() { Dir = directory, Name = name } }), reply => reply.Status);

    /// <summary>The handle of a file by LOOKUP, one name after the other.</summary>
    public NfsFh3 Find(string path)
    {
        NfsFh3 at = Root();
        foreach (string name in path.Split('/'))
        {
            LOOKUP3res result = Lookup(at, Encoding.UTF8.GetBytes(name));
            Assert.That(result.Status, Is.EqualTo(Nfsstat3.Nfs3Ok), path);
            at = result.Resok!.Object;
        }

        return at;
    }

    public GETATTR3res Getattr(NfsFh3 file) => Repeated(() => Nfs.Getattr(new() { Object = file }), reply => reply.Status);

    public Fattr3 Attributes(NfsFh3 file) => Getattr(file).Resok!.ObjAttributes;

    public SETATTR3res Setattr(NfsFh3 file, Sattr3 attributes, Nfstime3? guard = null) => Nfs.Setattr(new()
    {
        Object = file,
        NewAttributes = attributes,
        Guard = new() { Check = guard is not null, ObjCtime = guard },
    });

    public CREATE3res Create(NfsFh3 directory, string name, Createmode3 mode = Createmode3.Guarded, Sattr3? attributes = null, byte[]? verifier = null) =>
        Nfs.Create(new()
        {
            Where = Where(directory, name),
            How = mode switch
            {
                Createmode3.Unchecked => new() { Mode = mode, UncheckedAttributes = attributes ?? new() },
                Createmode3.Guarded => new() { Mode = mode, GuardedAttributes = attributes ?? new() },
                _ => new() { Mode = mode, Verf = verifier! },
            },
        });

    /// <summary>The handle of a new file.</summary>
    public NfsFh3 NewFile(NfsFh3 directory, string name, uint mode = 0x1A4)
    {
        CREATE3res result = Create(directory, name, attributes: new() { Mode = new() { SetIt = true, Mode = mode } });
        Assert.That(result.Status, Is.EqualTo(Nfsstat3.Nfs3Ok), name);
        return result.Resok!.Obj.Handle!;
    }

    public WRITE3res Write(NfsFh3 file, ulong offset, byte[] data, StableHow stable = StableHow.Unstable) =>
        Nfs.Write(new() { File = file, Offset = offset, Count = (uint)data.Length, Stable = stable, Data = data });

    public READ3res Read(NfsFh3 file, ulong offset, uint count) => Repeated(() => Nfs.Read(new() { File = file, Offset = offset, Count = count }), reply => reply.Status);

    public REMOVE3res Remove(NfsFh3 directory, string name) => Nfs.Remove(new() { Object = Where(directory, name) });

    public RMDIR3res Rmdir(NfsFh3 directory, string name) => Nfs.Rmdir(new() { Object = Where(directory, name) });

    public RENAME3res Rename(NfsFh3 from, string name, NfsFh3 to, string newName) => Nfs.Rename(new() { From = Where(from, name), To = Where(to, newName) });

    public MKDIR3res Mkdir(NfsFh3 directory, string name) => Nfs.Mkdir(new() { Where = Where(directory, name) });

    public READDIR3res Readdir(NfsFh3 directory, ulong cookie, uint count) =>
        Repeated(() => Nfs.Readdir(new() { Dir = directory, Cookie = cookie, Cookieverf = new byte[8], Count = count }), reply => reply.Status);

    public READDIRPLUS3res Readdirplus(NfsFh3 directory, ulong cookie, uint dircount, uint maxcount) =>
        Nfs.Readdirplus(new() { Dir = directory, Cookie = cookie, Cookieverf = new byte[8], Dircount = dircount, Maxcount = maxcount });

    public static Diropargs3 Where(NfsFh3 directory, string name) => new() { Dir = directory, Name = Encoding.UTF8.GetBytes(name) };

    public static Sattr3 Mode(uint mode) => new() { Mode = new() { SetIt = true, Mode = mode } };

    public static Sattr3 Size(ulong size) => new() { Size = new() { SetIt = true, Size = size } };

    public static Sattr3 Owner(uint? uid, uint? gid) => new()
    {
        Uid = new() { SetIt = uid is not null, Uid = uid ?? 0 },
        Gid = new() { SetIt = gid is not null, Gid = gid ?? 0 },
    };

    public void Dispose() => _client.Dispose();

    // As clients do while the server returns NFS3ERR_JUKEBOX: so it does for the handle of a file that was removed while the kernel makes another file with its inode, in any test.
    private static T Repeated<T>(Func<T> call, Func<T, Nfsstat3> status)
    {
        T reply = call();
        Eventually.Holds(() => status(reply) != Nfsstat3.Nfs3errJukebox || status(reply = call()) != Nfsstat3.Nfs3errJukebox, "the server is never ready: NFS3ERR_JUKEBOX");
        return reply;
    }
}
