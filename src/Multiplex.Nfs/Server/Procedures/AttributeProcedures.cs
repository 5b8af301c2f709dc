using Multiplex.Nfs.Exports;
using Multiplex.Nfs.Files;
using Multiplex.Nfs.Protocol;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Server;
using Multiplex.Rpc.Xdr;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Server.Procedures;

/// <summary>GETATTR, SETATTR, ACCESS: RFC 1813 sections 3.3.1, 3.3.2, 3.3.4.</summary>
internal sealed class AttributeProcedures(ServedFiles files)
{
    public AcceptStatus Getattr(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        ReadOnlySpan<byte> handle = arguments.ReadOpaque(FileHandle.MaxLength);
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        statx_t attributes = default;
        Nfsstat3 status = files.Open(call, handle, Purpose.Attributes, out FileLease file);
        using (file)
        {
            if (status == Nfsstat3.Nfs3Ok)
                status = NfsStatus.Of(file.Status(out attributes));
            NfsReply.Status(results, status);
            if (status == Nfsstat3.Nfs3Ok)
                NfsReply.Attributes(results, attributes, file.File.Export);
        }

        return AcceptStatus.Success;
    }

    public AcceptStatus Setattr(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        ReadOnlySpan<byte> handle = arguments.ReadOpaque(FileHandle.MaxLength);
        NewAttributes wanted = NewAttributes.Read(ref arguments);
        (uint Seconds, uint Nanoseconds)? guard = arguments.ReadBool() ? (arguments.ReadUInt32(), arguments.ReadUInt32()) : null;
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        Before before = default;
        Nfsstat3 status = files.Open(call, handle, Purpose.Change, out FileLease file);
        using (file)
        {
            if (status == Nfsstat3.Nfs3Ok && !wanted.AreSound)
                status = Nfsstat3.Nfs3errInval;
            if (status == Nfsstat3.Nfs3Ok)
            {
                lock (file.File.Changing)
                    status = Set(file, wanted, guard, ref before);
            }

            NfsReply.Status(results, status);
            NfsReply.Wcc(results, before, file);
        }

        return AcceptStatus.Success;
    }

    public AcceptStatus Access(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        ReadOnlySpan<byte> handle = arguments.ReadOpaque(FileHandle.MaxLength);
        uint asked = arguments.ReadUInt32();
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        statx_t attributes = default;
        Nfsstat3 status = files.Open(call, handle, Purpose.Use, out FileLease file);
        using (file)
        {
            if (status == Nfsstat3.Nfs3Ok)
                status = NfsStatus.Of(file.Status(out attributes));
            NfsReply.Status(results, status);
            if (status == Nfsstat3.Nfs3Ok)
            {
                NfsReply.PostOp(results, attributes, file.File.Export);
                results.WriteUInt32(asked & Allowed(file, attributes, asked));
            }
            else
            {
                NfsReply.PostOp(results, file);
            }
        }

        return AcceptStatus.Success;
    }

    /// <summary>Sets the size of a regular file, for which the caller needs the right to write it.</summary>
    public static Nfsstat3 Resize(in FileLease file, in statx_t attributes, ulong size)
    {
        if ((attributes.stx_mode & S_IFMT) != S_IFREG)
            return (attributes.stx_mode & S_IFMT) == S_IFDIR ? Nfsstat3.Nfs3errIsdir : Nfsstat3.Nfs3errInval;
        Nfsstat3 status = file.MayWrite(attributes);
        if (status != Nfsstat3.Nfs3Ok)
            return status;
        int fd = file.File.ForWriting();
        return fd < 0 ? NfsStatus.Of(-fd) : NfsStatus.Of(ftruncate(fd, (long)size));
    }

    private Nfsstat3 Set(in FileLease file, in NewAttributes wanted, (uint Seconds, uint Nanoseconds)? guard, ref Before before)
    {
        Nfsstat3 status = NfsStatus.Of(file.Status(out statx_t attributes));
        if (status != Nfsstat3.Nfs3Ok)
            return status;
        before = Before.Of(attributes);
        if (guard is { } seen && (seen.Seconds != (uint)attributes.stx_ctime.tv_sec || seen.Nanoseconds != attributes.stx_ctime.tv_nsec))
            return Nfsstat3.Nfs3errNotSync;
        if (wanted.Size is { } size)
        {
            status = Resize(file, attributes, size);
            files.Files.EndWriting(file.File);
        }

        if (status == Nfsstat3.Nfs3Ok)
            status = wanted.Set(file.File.Path, attributes);
        return status == Nfsstat3.Nfs3Ok && (attributes.stx_mode & S_IFMT) is S_IFREG or S_IFDIR ? files.Keep(file) : status;
    }

    // RFC 1813 section 3.3.4: DELETE is about a directory's entries.
    private static uint Allowed(in FileLease file, in statx_t attributes, uint asked)
    {
        const uint Writing = Nfs3Constants.Access3Modify | Nfs3Constants.Access3Extend | Nfs3Constants.Access3Delete;
        bool isDirectory = (attributes.stx_mode & S_IFMT) == S_IFDIR;
        uint execute = isDirectory ? Nfs3Constants.Access3Lookup : (uint)Nfs3Constants.Access3Execute;
        uint write = isDirectory ? Writing : Writing & ~(uint)Nfs3Constants.Access3Delete;
        uint possible = Nfs3Constants.Access3Read | execute | (file.File.Export.Export.ReadOnly ? 0 : write);
        asked &= possible;
        int all = ((asked & Nfs3Constants.Access3Read) != 0 ? R_OK : 0) | ((asked & execute) != 0 ? X_OK : 0) | ((asked & write) != 0 ? W_OK : 0);
        if (all == 0 || May(file, all))
            return asked;
        uint allowed = 0;
        if (May(file, R_OK))
            allowed |= Nfs3Constants.Access3Read;
        if (May(file, X_OK))
            allowed |= execute;
        if (May(file, W_OK))
            allowed |= write;
        return asked & allowed;
    }

    private static bool May(in FileLease file, int access) =>
        !faccessat2(file.File.Path, ExportedDirectory.Here, access, AT_EACCESS | AT_EMPTY_PATH).IsError;
}
