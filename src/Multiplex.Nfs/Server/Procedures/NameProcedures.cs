using Multiplex.Interop;
using Multiplex.Nfs.Exports;
using Multiplex.Nfs.Files;
using Multiplex.Nfs.Protocol;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Server;
using Multiplex.Rpc.Xdr;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Server.Procedures;

/// <summary>REMOVE, RMDIR, RENAME, LINK: RFC 1813 sections 3.3.12 to 3.3.15.</summary>
internal sealed class NameProcedures(ServedFiles files)
{
    public AcceptStatus Remove(in RpcCall call, ref XdrReader arguments, XdrWriter results) => Remove(call, ref arguments, results, 0);

    public AcceptStatus Rmdir(in RpcCall call, ref XdrReader arguments, XdrWriter results) => Remove(call, ref arguments, results, AT_REMOVEDIR);

    public AcceptStatus Rename(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        ReadOnlySpan<byte> fromHandle = arguments.ReadOpaque(FileHandle.MaxLength), fromName = arguments.ReadOpaque(int.MaxValue);
        ReadOnlySpan<byte> toHandle = arguments.ReadOpaque(FileHandle.MaxLength), toName = arguments.ReadOpaque(int.MaxValue);
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        Before fromBefore = default, toBefore = default;
        Nfsstat3 status = files.OpenDirectory(call, fromHandle, Purpose.Change, out FileLease from);
        using (from)
        {
            FileLease to = default;
            if (status == Nfsstat3.Nfs3Ok)
                status = files.OpenDirectory(call, toHandle, Purpose.Change, out to);
            using (to)
            {
                if (status == Nfsstat3.Nfs3Ok)
                    status = Rename(from, fromName, to, toName, ref fromBefore, ref toBefore);
                NfsReply.Status(results, status);
                NfsReply.Wcc(results, fromBefore, from);
                NfsReply.Wcc(results, toBefore, to);
            }
        }

        return AcceptStatus.Success;
    }

    public AcceptStatus Link(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        ReadOnlySpan<byte> fileHandle = arguments.ReadOpaque(FileHandle.MaxLength);
        ReadOnlySpan<byte> handle = arguments.ReadOpaque(FileHandle.MaxLength), name = arguments.ReadOpaque(int.MaxValue);
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        Before before = default;
        Nfsstat3 status = files.Open(call, fileHandle, Purpose.Change, out FileLease file);
        using (file)
        {
            FileLease directory = default;
            if (status == Nfsstat3.Nfs3Ok)
                status = files.OpenDirectory(call, handle, Purpose.Change, out directory);
            using (directory)
            {
                if (status == Nfsstat3.Nfs3Ok)
                {
                    lock (directory.File.Changing)
                    {
                        before = Before.Of(directory);
                        status = Link(file, directory, name);
                    }
                }

                NfsReply.Status(results, status);
                NfsReply.PostOp(results, file);
                NfsReply.Wcc(results, before, directory);
            }
        }

        return AcceptStatus.Success;
    }

    private AcceptStatus Remove(in RpcCall call, ref XdrReader arguments, XdrWriter results, int flags)
    {
        ReadOnlySpan<byte> handle = arguments.ReadOpaque(FileHandle.MaxLength), name = arguments.ReadOpaque(int.MaxValue);
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        Before before = default;
        Nfsstat3 status = files.OpenDirectory(call, handle, Purpose.Change, out FileLease directory);
        using (directory)
        {
            if (status == Nfsstat3.Nfs3Ok)
            {
                lock (directory.File.Changing)
                {
                    before = Before.Of(directory);
                    status = Remove(directory, name, flags);
                }
            }

            NfsReply.Status(results, status);
            NfsReply.Wcc(results, before, directory);
        }

        return AcceptStatus.Success;
    }

    private Nfsstat3 Remove(in FileLease directory, ReadOnlySpan<byte> name, int flags)
    {
        Nfsstat3 status = FileName.Check(name, stackalloc byte[FileName.MaxLength + 1], out Span<byte> path);
        if (status != Nfsstat3.Nfs3Ok)
            return status;
        if (FileName.IsDots(name))
            return flags == AT_REMOVEDIR && FileName.IsParent(name) ? Nfsstat3.Nfs3errExist : Nfsstat3.Nfs3errInval;
        Victim victim = Victim.Of(directory, path);
        status = NfsStatus.Of(unlinkat(directory.File.Path, path, flags));
        if (status != Nfsstat3.Nfs3Ok)
            return status;
        LetGo(directory, victim);
        return files.Keep(directory);
    }

    private Nfsstat3 Rename(
        in FileLease from, ReadOnlySpan<byte> fromName, in FileLease to, ReadOnlySpan<byte> toName, ref Before fromBefore, ref Before toBefore)
    {
        (fromBefore, toBefore) = (Before.Of(from), Before.Of(to));
        if (from.File.Export != to.File.Export)
            return Nfsstat3.Nfs3errXdev;
        Nfsstat3 status = FileName.Check(fromName, stackalloc byte[FileName.MaxLength + 1], out Span<byte> fromPath);
        if (status != Nfsstat3.Nfs3Ok)
            return status;
        status = FileName.Check(toName, stackalloc byte[FileName.MaxLength + 1], out Span<byte> toPath);
        if (status != Nfsstat3.Nfs3Ok)
            return status;
        if (FileName.IsDots(fromName) || FileName.IsDots(toName))
            return Nfsstat3.Nfs3errInval;

        // The locks are always taken in the same order, so that two calls cannot deadlock.
        bool isFirst = from.File.Inode <= to.File.Inode;
        lock (isFirst ? from.File.Changing : to.File.Changing)
        {
            lock (isFirst ? to.File.Changing : from.File.Changing)
            {
                (fromBefore, toBefore) = (Before.Of(from), Before.Of(to));
                status = Rename(from, fromPath, to, toPath);
            }
        }

        if (status == Nfsstat3.Nfs3Ok)
            status = files.Keep(to);
        return status == Nfsstat3.Nfs3Ok && from.File != to.File ? files.Keep(from) : status;
    }

    private Nfsstat3 Rename(in FileLease from, ReadOnlySpan<byte> fromPath, in FileLease to, ReadOnlySpan<byte> toPath)
    {
        Victim replaced = Victim.Of(to, toPath);
        SyscallResult result = renameat(from.File.Path, fromPath, to.File.Path, toPath);
        if (result.IsError)
            return NfsStatus.Of(result);
        ExportedDirectory export = to.File.Export;
        if (statx(to.File.Path, toPath, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, out statx_t moved).IsError)
            return Nfsstat3.Nfs3Ok;   // it was removed meanwhile
        export.Changed(moved.stx_ino);
        if (moved.stx_ino != replaced.Inode)
            LetGo(to, replaced);
        export.Record(moved.stx_ino, to.File.Inode, toPath);
        return Nfsstat3.Nfs3Ok;
    }

    private Nfsstat3 Link(in FileLease file, in FileLease directory, ReadOnlySpan<byte> name)
    {
        if (file.File.Export != directory.File.Export)
            return Nfsstat3.Nfs3errXdev;
        Nfsstat3 status = FileName.Check(name, stackalloc byte[FileName.MaxLength + 1], out Span<byte> path);
        if (status == Nfsstat3.Nfs3Ok && FileName.IsDots(name))
            status = Nfsstat3.Nfs3errExist;
        if (status == Nfsstat3.Nfs3Ok)
            status = NfsStatus.Of(file.Status(out _));
        if (status != Nfsstat3.Nfs3Ok)
            return status;

        // Not AT_EMPTY_PATH, which needs a privilege that the caller does not have.
        ReadOnlySpan<byte> itself = ProcPath.Of(file.File.Path, stackalloc byte[ProcPath.MaxLength]);
        status = NfsStatus.Of(linkat(AT_FDCWD, itself, directory.File.Path, path, AT_SYMLINK_FOLLOW));
        return status == Nfsstat3.Nfs3Ok ? files.Keep(directory) : status;
    }

    private void LetGo(in FileLease directory, in Victim victim)
    {
        if (victim.Inode == 0)
            return;
        directory.File.Export.Changed(victim.Inode);
        if (!victim.IsLastName)
            return;
        files.Files.Drop(victim.Inode);
        directory.File.Export.Forget(victim.Inode);
    }

    // The file whose name is about to be removed.
    private readonly record struct Victim(ulong Inode, bool IsLastName)
    {
        public static Victim Of(in FileLease directory, ReadOnlySpan<byte> path) =>
            statx(directory.File.Path, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, out statx_t status).IsError
                ? default
                : new(status.stx_ino, status.stx_nlink == 1 || (status.stx_mode & S_IFMT) == S_IFDIR);
    }
}
