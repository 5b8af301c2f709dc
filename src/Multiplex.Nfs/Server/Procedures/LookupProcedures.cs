using Multiplex.Interop;
using Multiplex.Nfs.Exports;
using Multiplex.Nfs.Files;
using Multiplex.Nfs.Protocol;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Server;
using Multiplex.Rpc.Xdr;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Server.Procedures;

/// <summary>LOOKUP and READLINK: RFC 1813 sections 3.3.3 and 3.3.5.</summary>
internal sealed class LookupProcedures(ServedFiles files)
{
    private const int MostTarget = 4096;   // PATH_MAX of Linux

    public AcceptStatus Lookup(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        ReadOnlySpan<byte> handle = arguments.ReadOpaque(FileHandle.MaxLength), name = arguments.ReadOpaque(int.MaxValue);
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        statx_t attributes = default;
        Span<byte> room = stackalloc byte[FileName.MaxLength + 1], found = stackalloc byte[FileHandle.MaxLength];
        int length = 0;
        Nfsstat3 status = files.OpenDirectory(call, handle, Purpose.Use, out FileLease directory);
        using (directory)
        {
            ExportedDirectory? export = null;
            if (status == Nfsstat3.Nfs3Ok)
                status = FileName.Check(name, room, out Span<byte> path) is var wrong and not Nfsstat3.Nfs3Ok
                    ? wrong
                    : FileName.IsParent(name)
                        ? LookUpParent(directory.File, out export, out attributes, found, out length)
                        : LookUp(directory.File, path, out export, out attributes, found, out length);
            NfsReply.Status(results, status);
            if (status == Nfsstat3.Nfs3Ok)
            {
                results.WriteOpaque(found[..length]);
                NfsReply.PostOp(results, attributes, export!);
            }

            NfsReply.PostOp(results, directory);
        }

        return AcceptStatus.Success;
    }

    public AcceptStatus Readlink(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        ReadOnlySpan<byte> handle = arguments.ReadOpaque(FileHandle.MaxLength);
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        statx_t attributes = default;
        Span<byte> target = stackalloc byte[MostTarget];
        Nfsstat3 status = files.Open(call, handle, Purpose.Use, out FileLease link);
        using (link)
        {
            if (status == Nfsstat3.Nfs3Ok)
                status = NfsStatus.Of(link.Status(out attributes));
            if (status == Nfsstat3.Nfs3Ok && (attributes.stx_mode & S_IFMT) != S_IFLNK)
                status = Nfsstat3.Nfs3errInval;
            SyscallResult read = status == Nfsstat3.Nfs3Ok ? readlinkat(link.File.Path, ExportedDirectory.Here, target) : default;
            if (read.IsError)
                status = NfsStatus.Of(read);
            NfsReply.Status(results, status);
            NfsReply.PostOp(results, link);
            if (status == Nfsstat3.Nfs3Ok)
                results.WriteOpaque(target[..(int)read.Value]);
        }

        return AcceptStatus.Success;
    }

    private static Nfsstat3 LookUp(
        CachedFile directory, ReadOnlySpan<byte> path, out ExportedDirectory export, out statx_t attributes, Span<byte> handle, out int length)
    {
        export = directory.Export;
        SyscallResult result = export.Look(directory.Path, path, directory.Inode, out attributes, handle, out length);
        if (result.Is(EACCES) && export.Below.TryGetValue(attributes.stx_mnt_id, out ExportedDirectory? below))
        {
            export = below;
            result = below.Look(below.Root, ExportedDirectory.Here, 0, out attributes, handle, out length);
        }

        return NfsStatus.Of(result);
    }

    // The parent of the export's root is the root. The parent of any other directory is in the export if the directory is, which may be moved out at this moment.
    private static Nfsstat3 LookUpParent(CachedFile directory, out ExportedDirectory export, out statx_t attributes, Span<byte> handle, out int length)
    {
        (attributes, length) = (default, 0);
        export = directory.Export;
        if (directory.Inode == export.RootInode)
            return NfsStatus.Of(export.Look(directory.Path, ExportedDirectory.Here, 0, out attributes, handle, out length));
        SyscallResult opened = openat(directory.Path, "..\0"u8, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (opened.IsError)
            return NfsStatus.Of(opened);
        int parent = (int)opened.Value;
        SyscallResult result = export.Look(parent, ExportedDirectory.Here, 0, out attributes, handle, out length);
        bool isInside = !result.IsError && export.Contains(parent, attributes);
        close(parent);
        return result.IsError ? NfsStatus.Of(result) : isInside ? Nfsstat3.Nfs3Ok : Nfsstat3.Nfs3errStale;
    }
}
