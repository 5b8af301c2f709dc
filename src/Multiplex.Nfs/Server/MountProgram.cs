using Multiplex.Interop;
using Multiplex.Nfs.Exports;
using Multiplex.Nfs.Files;
using Multiplex.Nfs.Protocol;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Server;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets.Networks;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Server;

/// <summary>Version 3 of MOUNT, RFC 1813 appendix I: gives the handle of an export's root, or of a directory in it, by name.</summary>
internal sealed class MountProgram : IRpcProgram
{
    private const int MostTries = 1000;   // of some microseconds

    private readonly ExportedDirectory[] _exports;
    private readonly MountList _mounts;

    /// <summary>Mounts these exports.</summary>
    public MountProgram(ExportedDirectory[] exports, MountList mounts)
    {
        _exports = exports;
        _mounts = mounts;
        Procedures =
        [
            Entry(MountV3Procedure.Mnt, Mnt),
            Entry(MountV3Procedure.Dump, Dump),
            Entry(MountV3Procedure.Umnt, Umnt),
            Entry(MountV3Procedure.Umntall, Umntall),
            Entry(MountV3Procedure.Export, Export),
        ];
    }

    /// <inheritdoc/>
    public uint Number => MountV3.Program;

    /// <inheritdoc/>
    public uint Version => MountV3.Version;

    /// <inheritdoc/>
    public IReadOnlyList<ProcedureEntry> Procedures { get; }

    private static ProcedureEntry Entry(MountV3Procedure procedure, ProcedureHandler handler) =>
        new((uint)procedure, handler) { IsIdempotent = MountV3.Of(procedure).IsIdempotent };

    private AcceptStatus Mnt(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        ReadOnlySpan<byte> path = arguments.ReadOpaque(MountConstants.Mntpathlen);
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        Span<byte> handle = stackalloc byte[FileHandle.MaxLength];
        Mountstat3 status = Find(call, path, handle, out int length);
        results.WriteUInt32((uint)status);
        if (status != Mountstat3.Mnt3Ok)
            return AcceptStatus.Success;
        _mounts.Add(call.Peer, path);
        results.WriteOpaque(handle[..length]);
        results.WriteUInt32(2);
        results.WriteUInt32((uint)AuthenticationFlavor.Sys);
        results.WriteUInt32((uint)AuthenticationFlavor.None);
        return AcceptStatus.Success;
    }

    private AcceptStatus Dump(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        _mounts.Write(results);
        return AcceptStatus.Success;
    }

    private AcceptStatus Umnt(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        ReadOnlySpan<byte> path = arguments.ReadOpaque(MountConstants.Mntpathlen);
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        _mounts.Remove(call.Peer, path);
        return AcceptStatus.Success;
    }

    private AcceptStatus Umntall(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        _mounts.RemoveAll(call.Peer);
        return AcceptStatus.Success;
    }

    private AcceptStatus Export(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        foreach (ExportedDirectory export in _exports)
        {
            if (export.IsMountedBelow)
                continue;   // no option names it
            results.WriteBool(true);
            results.WriteOpaque(export.Name);
            foreach (ClientNetwork network in export.Export.Networks)
            {
                results.WriteBool(true);
                results.WriteString(network.ToString(), MountConstants.Mntnamlen);
            }

            results.WriteBool(false);
        }

        results.WriteBool(false);
        return AcceptStatus.Success;
    }

    // The longest export name that the path begins with; the rest of the path is below that directory.
    private Mountstat3 Find(in RpcCall call, ReadOnlySpan<byte> path, Span<byte> handle, out int length)
    {
        length = 0;
        path = path.Length > 1 ? path.TrimEnd((byte)'/') : path;
        ExportedDirectory? found = null;
        foreach (ExportedDirectory export in _exports)
        {
            bool isBelow = path.StartsWith(export.Name) && (path.Length == export.Name.Length || export.Name.Length == 1 || path[export.Name.Length] == '/');
            if (isBelow && (found is null || found.Name.Length < export.Name.Length))
                found = export;
        }

        if (found is null)
            return Mountstat3.Mnt3errNoent;
        if (!found.Export.Admits(call.Peer))
            return Mountstat3.Mnt3errAcces;
        ReadOnlySpan<byte> below = path[found.Name.Length..].TrimStart((byte)'/');
        return Enter(found, below, handle, out length);
    }

    private static Mountstat3 Enter(ExportedDirectory export, ReadOnlySpan<byte> below, Span<byte> handle, out int length)
    {
        length = 0;
        if (below.Contains((byte)0))
            return Mountstat3.Mnt3errInval;
        Span<byte> path = stackalloc byte[MountConstants.Mntpathlen + 2];
        below.CopyTo(path);
        if (below.IsEmpty)
            path[0] = (byte)'.';
        path[Math.Max(below.Length, 1)] = 0;
        FileSystemUser.Current.AsServer();

        // The server resolves a path to mount: symbolic links are followed as long as they stay in the export. A rename anywhere on the machine while
        // a link leads up is EAGAIN, openat2(2).
        SyscallResult opened;
        int tries = 0;
        do
            opened = openat2(export.Root, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, RESOLVE_BENEATH | RESOLVE_NO_XDEV);
        while (opened.Is(EAGAIN) && ++tries < MostTries);
        if (opened.IsError)
            return StatusOf(opened);
        int fd = (int)opened.Value;
        SyscallResult looked = export.Look(fd, ExportedDirectory.Here, 0, out _, handle, out length);
        close(fd);
        return looked.IsError ? StatusOf(looked) : Mountstat3.Mnt3Ok;
    }

    private static Mountstat3 StatusOf(SyscallResult failed) => failed.Errno switch
    {
        EPERM => Mountstat3.Mnt3errPerm,
        ENOENT => Mountstat3.Mnt3errNoent,
        EACCES or EXDEV or ELOOP => Mountstat3.Mnt3errAcces,
        ENOTDIR => Mountstat3.Mnt3errNotdir,
        ENAMETOOLONG => Mountstat3.Mnt3errNametoolong,
        EIO => Mountstat3.Mnt3errIo,
        _ => Mountstat3.Mnt3errServerfault,
    };
}
