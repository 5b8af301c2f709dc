using System.Text;
using Multiplex.Nfs.Protocol;

namespace Multiplex.ServerTests.Harness.Nfs;

/// <summary>
/// An NFS server with one directory and one file in memory that does what the RFC allows and few servers do: it asks clients to wait, transfers less than
/// was asked for, restarts, and has no READDIRPLUS.
/// </summary>
internal sealed class OddNfsServer : NfsV3Server
{
    private static readonly byte[] s_root = [1], s_file = [2];

    private readonly byte[] _stable = new byte[1 << 20];
    private readonly byte[] _unstable = new byte[1 << 20];
    private byte[] _verifier = Guid.NewGuid().ToByteArray()[..8];
    private int _length;

    /// <summary>MOUNT, with one export.</summary>
    public MountV3Server Mount { get; } = new OneExportMount();

    /// <summary>How many calls are still answered with NFS3ERR_JUKEBOX.</summary>
    public int Jukebox { get; set; }

    /// <summary>The most that a READ or WRITE carries, whatever FSINFO says.</summary>
    public int MostAtOnce { get; init; } = int.MaxValue;

    /// <summary>Whether READDIRPLUS is NFS3ERR_NOTSUPP.</summary>
    public bool HasNoReaddirplus { get; init; }

    /// <summary>After how many WRITEs the server restarts and loses what is not stable: again after as many more.</summary>
    public int LosesAfterWrites { get; init; } = int.MaxValue;

    /// <summary>The largest number of restarts.</summary>
    public int MostStarts { get; init; } = 1;

    /// <summary>Whether the server restarts before each COMMIT, and loses what is not stable.</summary>
    public bool LosesBeforeCommits { get; init; }

    /// <summary>How many WRITEs it received.</summary>
    public int Writes { get; private set; }

    /// <summary>How many COMMITs it received.</summary>
    public int Commits { get; private set; }

    /// <summary>What is on the disk.</summary>
    public byte[] Contents => _stable[.._length];

    protected override void Null(in RpcCall call)
    {
    }

    protected override GETATTR3res Getattr(in RpcCall call, GETATTR3argsView args) => new() { Resok = new() { ObjAttributes = Attributes(args.Object.Data[0] == 2) } };

    protected override LOOKUP3res Lookup(in RpcCall call, LOOKUP3argsView args)
    {
        if (Jukebox > 0)
        {
            Jukebox--;
            return new() { Status = Nfsstat3.Nfs3errJukebox, Resfail = new() };
        }

        return args.What.Name.SequenceEqual("file"u8)
            ? new() { Resok = new() { Object = new() { Data = s_file } } }   // and no attributes, which are optional
            : new() { Status = Nfsstat3.Nfs3errNoent, Resfail = new() };
    }

    protected override READ3res Read(in RpcCall call, READ3argsView args)
    {
        int offset = (int)Math.Min(args.Offset, (ulong)_length), count = Math.Min(Math.Min((int)args.Count, _length - offset), MostAtOnce);
        return new() { Resok = new() { Count = (uint)count, Data = _unstable[offset..(offset + count)], Eof = offset + count == _length } };
    }

    protected override WRITE3res Write(in RpcCall call, WRITE3argsView args)
    {
        if (++Writes % LosesAfterWrites == 0 && Writes / LosesAfterWrites <= MostStarts)
            StartAnew();
        ReadOnlySpan<byte> data = args.Data[..Math.Min(args.Data.Length, MostAtOnce)];
        data.CopyTo(_unstable.AsSpan((int)args.Offset));
        _length = Math.Max(_length, (int)args.Offset + data.Length);
        return new() { Resok = new() { Count = (uint)data.Length, Committed = StableHow.Unstable, Verf = _verifier } };
    }

    protected override COMMIT3res Commit(in RpcCall call, COMMIT3argsView args)
    {
        Commits++;
        if (LosesBeforeCommits)
            StartAnew();
        _unstable.CopyTo(_stable, 0);
        return new() { Resok = new() { Verf = _verifier } };
    }

    protected override CREATE3res Create(in RpcCall call, CREATE3args args) => new() { Resok = new() };   // and no handle, which is optional

    protected override READDIR3res Readdir(in RpcCall call, READDIR3argsView args) => new()
    {
        Resok = new()
        {
            Reply = new()
            {
                // One entry in each reply.
                Entries = args.Cookie < 3 ? new() { Name = Encoding.UTF8.GetBytes(args.Cookie switch { 0 => ".", 1 => "..", _ => "file" }), Cookie = args.Cookie + 1 } : null,
                Eof = args.Cookie >= 3,
            },
        },
    };

    protected override READDIRPLUS3res Readdirplus(in RpcCall call, READDIRPLUS3argsView args) => HasNoReaddirplus
        ? new() { Status = Nfsstat3.Nfs3errNotsupp, Resfail = new() }
        : new() { Resok = new() { Reply = new() { Entries = new() { Name = "file"u8.ToArray() }, Eof = true } } };

    protected override FSINFO3res Fsinfo(in RpcCall call, FSINFO3argsView args) =>
        new() { Resok = new() { Rtpref = 4096, Rtmax = 4096, Wtpref = 4096, Wtmax = 4096, Dtpref = 4096 } };

    protected override SETATTR3res Setattr(in RpcCall call, SETATTR3args args) => new() { Status = Nfsstat3.Nfs3errNotsupp, Resfail = new() };

    protected override ACCESS3res Access(in RpcCall call, ACCESS3argsView args) => new() { Status = Nfsstat3.Nfs3errNotsupp, Resfail = new() };

    protected override READLINK3res Readlink(in RpcCall call, READLINK3argsView args) => new() { Status = Nfsstat3.Nfs3errInval, Resfail = new() };

    protected override MKDIR3res Mkdir(in RpcCall call, MKDIR3args args) => new() { Status = Nfsstat3.Nfs3errRofs, Resfail = new() };

    protected override SYMLINK3res Symlink(in RpcCall call, SYMLINK3args args) => new() { Status = Nfsstat3.Nfs3errRofs, Resfail = new() };

    protected override MKNOD3res Mknod(in RpcCall call, MKNOD3args args) => new() { Status = Nfsstat3.Nfs3errRofs, Resfail = new() };

    protected override REMOVE3res Remove(in RpcCall call, REMOVE3argsView args) => new() { Status = Nfsstat3.Nfs3errRofs, Resfail = new() };

    protected override RMDIR3res Rmdir(in RpcCall call, RMDIR3argsView args) => new() { Status = Nfsstat3.Nfs3errRofs, Resfail = new() };

    protected override RENAME3res Rename(in RpcCall call, RENAME3argsView args) => new() { Status = Nfsstat3.Nfs3errRofs, Resfail = new() };

    protected override LINK3res Link(in RpcCall call, LINK3argsView args) => new() { Status = Nfsstat3.Nfs3errRofs, Resfail = new() };

    protected override FSSTAT3res Fsstat(in RpcCall call, FSSTAT3argsView args) => new() { Status = Nfsstat3.Nfs3errNotsupp, Resfail = new() };

    protected override PATHCONF3res Pathconf(in RpcCall call, PATHCONF3argsView args) => new() { Status = Nfsstat3.Nfs3errNotsupp, Resfail = new() };

    private static Fattr3 Attributes(bool isFile) => new() { Type = isFile ? Ftype3.Nf3reg : Ftype3.Nf3dir, Nlink = 1 };

    private void StartAnew()
    {
        _stable.CopyTo(_unstable, 0);
        _verifier = Guid.NewGuid().ToByteArray()[..8];
    }

    private sealed class OneExportMount : MountV3Server
    {
        protected override void Null(in RpcCall call)
        {
        }

        protected override Mountres3 Mnt(in RpcCall call, ReadOnlySpan<byte> args) => args.SequenceEqual("/hidden"u8)
            ? new() { Mountinfo = new() { Fhandle = s_root } }
            : new() { FhsStatus = args.StartsWith("/hidden/"u8) ? Mountstat3.Mnt3errNotdir : Mountstat3.Mnt3errNoent };

        protected override Mountbody? Dump(in RpcCall call) => null;

        protected override void Umnt(in RpcCall call, ReadOnlySpan<byte> args)
        {
        }

        protected override void Umntall(in RpcCall call)
        {
        }

        // Some servers hide the list.
        protected override Exportnode? Export(in RpcCall call) => null;
    }
}
