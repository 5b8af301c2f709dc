using Multiplex.Interop;
using Multiplex.Nfs.Exports;
using Multiplex.Nfs.Files;
using Multiplex.Nfs.Protocol;
using Multiplex.Rpc.Server;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Server;

/// <summary>What a call needs a file for.</summary>
internal enum Purpose
{
    /// <summary>Attributes of the file or of its file system, which every client may get.</summary>
    Attributes,

    /// <summary>An access that the file system allows or refuses by the caller's user.</summary>
    Use,

    /// <summary>The same, but a change: refused on a read-only export.</summary>
    Change,
}

/// <summary>From a handle to an open file, as in each call: the export, the client's right to use it, the caller's user, the descriptor.</summary>
internal sealed class ServedFiles
{
    // How long a directory may still be served after a local process has moved it out of its export, in milliseconds.
    private const long LookAgainAfter = 1000;

    private readonly ExportedDirectory[] _exports;

    /// <summary>Serves the files of these exports.</summary>
    public ServedFiles(ExportedDirectory[] exports, OpenFiles files, WriteVerifier verifier)
    {
        _exports = exports;
        Files = files;
        Verifier = verifier;
    }

    /// <summary>The open files.</summary>
    public OpenFiles Files { get; }

    /// <summary>The verifier that tells clients whether unstable writes may be lost.</summary>
    public WriteVerifier Verifier { get; }

    /// <summary>Opens the file of a handle. From then on this thread accesses the file system as the caller's user.</summary>
    /// <param name="call">The call.</param>
    /// <param name="handle">The handle as received.</param>
    /// <param name="purpose">What the file is needed for.</param>
    /// <param name="file">The file, which the caller disposes of; none unless the status is NFS3_OK.</param>
    public Nfsstat3 Open(scoped in RpcCall call, scoped ReadOnlySpan<byte> handle, Purpose purpose, out FileLease file)
    {
        file = default;
        if (!FileHandle.IsWellFormed(handle))
            return Nfsstat3.Nfs3errBadhandle;
        CachedFile? cached = Files.Find(handle);
        if (cached is null)
        {
            if (ExportOf(handle) is not { } export || !export.IsGenuine(handle))
                return Nfsstat3.Nfs3errStale;
            if (!export.Export.Admits(call.Peer))
                return Nfsstat3.Nfs3errAcces;
            SyscallResult opened = export.Open(handle);
            if (opened.IsError)
                return NfsStatus.Of(opened);
            cached = Files.Add(handle, export, (int)opened.Value);
        }

        Nfsstat3 status = Allow(call, cached.Export, purpose);
        if (status == Nfsstat3.Nfs3Ok)
            file = new(Files, cached);
        else
            Files.Release(cached);
        return status;
    }

    /// <summary>The same for a directory: anything else is NFS3ERR_NOTDIR, and a directory that is outside its export by now is NFS3ERR_STALE.</summary>
    public Nfsstat3 OpenDirectory(scoped in RpcCall call, scoped ReadOnlySpan<byte> handle, Purpose purpose, out FileLease directory)
    {
        Nfsstat3 status = Open(call, handle, purpose, out directory);
        if (status != Nfsstat3.Nfs3Ok)
            return status;
        CachedFile file = directory.File;
        long now = Environment.TickCount64;
        if (file.SeenInside != 0 && now - file.SeenInside < LookAgainAfter)
            return Nfsstat3.Nfs3Ok;
        status = NfsStatus.Of(ExportedDirectory.StatusOf(file.Path, out statx_t attributes));
        if (status == Nfsstat3.Nfs3Ok && (attributes.stx_mode & S_IFMT) != S_IFDIR)
            status = Nfsstat3.Nfs3errNotdir;
        if (status == Nfsstat3.Nfs3Ok && !file.Export.Contains(file.Path, attributes))
            status = Nfsstat3.Nfs3errStale;
        file.SeenInside = now;
        if (status == Nfsstat3.Nfs3Ok)
            return status;
        file.SeenInside = 0;
        directory.Dispose();
        directory = default;
        return status;
    }

    /// <summary>Waits until changes in a directory are on the disk, unless the export is asynchronous.</summary>
    public Nfsstat3 Keep(in FileLease directory)
    {
        if (directory.File.Export.Export.Async)
            return Nfsstat3.Nfs3Ok;
        int fd = directory.File.ForReading();
        return fd < 0 ? NfsStatus.Of(-fd) : Keep(fd);
    }

    /// <summary>Waits until a file is on the disk. The kernel reports a failure only once, so the verifier changes too: all clients write again what they have not committed.</summary>
    public Nfsstat3 Keep(int fd) => Kept(fsync(fd));

    /// <summary>The same, after fsync(2).</summary>
    public Nfsstat3 Kept(SyscallResult result)
    {
        if (result.IsError && !result.Is(EINVAL))
            Verifier.Change();
        return result.Is(EINVAL) ? Nfsstat3.Nfs3Ok : NfsStatus.Of(result);   // EINVAL: a file system that does not support it
    }

    private static Nfsstat3 Allow(in RpcCall call, ExportedDirectory exported, Purpose purpose)
    {
        Export export = exported.Export;
        if (!export.Admits(call.Peer))
            return Nfsstat3.Nfs3errAcces;
        if (!FileSystemUser.Current.Become(call, export, exported.Groups) && purpose != Purpose.Attributes)
            return Nfsstat3.Nfs3errAcces;
        return purpose == Purpose.Change && export.ReadOnly ? Nfsstat3.Nfs3errRofs : Nfsstat3.Nfs3Ok;
    }

    private ExportedDirectory? ExportOf(ReadOnlySpan<byte> handle)
    {
        uint id = FileHandle.ExportOf(handle);
        foreach (ExportedDirectory export in _exports)
        {
            if (export.Id == id)
                return export;
        }

        return null;
    }
}

/// <summary>A file that a call uses; it stays open until this is disposed of.</summary>
internal readonly ref struct FileLease(OpenFiles files, CachedFile file) : IDisposable
{
    private readonly CachedFile? _file = file;

    /// <summary>The file.</summary>
    public CachedFile File => _file!;

    /// <summary>Whether there is a file.</summary>
    public bool IsOpen => _file is not null;

    /// <summary>Its attributes; <see cref="ESTALE"/> when its last name is gone.</summary>
    public SyscallResult Status(out statx_t status)
    {
        SyscallResult result = ExportedDirectory.StatusOf(File.Path, out status);
        if (result.IsError || status.stx_nlink > 0)
            return result;
        files.Drop(File.Inode);
        return SyscallResult.Failed(ESTALE);
    }

    /// <summary>Whether the caller may read the file: the owner always may, as if the file had been opened before its mode was changed; so may a user that may execute it.</summary>
    public Nfsstat3 MayRead(in statx_t status)
    {
        Nfsstat3 readable = May(status, R_OK);
        return readable == Nfsstat3.Nfs3Ok || May(status, X_OK) != Nfsstat3.Nfs3Ok ? readable : Nfsstat3.Nfs3Ok;
    }

    /// <summary>Whether the caller may write the file: the owner always may.</summary>
    public Nfsstat3 MayWrite(in statx_t status) => May(status, W_OK);

    /// <summary>Ends the use.</summary>
    public void Dispose()
    {
        if (_file is not null)
            files.Release(_file);
    }

    private Nfsstat3 May(in statx_t status, int access)
    {
        FileSystemUser user = FileSystemUser.Current;
        return user.IsRoot || user.Uid == status.stx_uid
            ? Nfsstat3.Nfs3Ok
            : NfsStatus.Of(faccessat2(File.Path, ExportedDirectory.Here, access, AT_EACCESS | AT_EMPTY_PATH));
    }
}
