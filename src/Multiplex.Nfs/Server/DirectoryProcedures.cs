using System.Buffers.Binary;
using Multiplex.Nfs.Exports;
using Multiplex.Nfs.Files;
using Multiplex.Nfs.Protocol;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Server;
using Multiplex.Rpc.Xdr;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Server;

/// <summary>
/// READDIR and READDIRPLUS: RFC 1813 sections 3.3.16 and 3.3.17. A cookie is where the file system itself says that the next entry begins, d_off of
/// getdents64(2): it holds while other entries come and go, and to go on from it costs no more than to begin.
/// </summary>
internal sealed class DirectoryProcedures(ServedFiles files)
{
    // post_op_attr, cookieverf, the bool behind the last entry, eof.
    private const int Overhead = NfsReply.PostOpLength + sizeof(ulong) + sizeof(uint) + sizeof(uint);
    private const int EntryOverhead = sizeof(uint) + sizeof(ulong) + sizeof(uint) + sizeof(ulong);   // the bool before it, fileid, the name's length, cookie

    public AcceptStatus Readdir(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        ReadOnlySpan<byte> handle = arguments.ReadOpaque(FileHandle.MaxLength);
        ulong cookie = arguments.ReadUInt64();
        arguments.ReadUInt64();   // the verifier: cookies never become invalid
        uint count = arguments.ReadUInt32();
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        Answer(call, handle, new(cookie, Most: Bounded(count, call.Peer), MostNames: int.MaxValue, WithAttributes: false), results);
        return AcceptStatus.Success;
    }

    public AcceptStatus Readdirplus(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        ReadOnlySpan<byte> handle = arguments.ReadOpaque(FileHandle.MaxLength);
        ulong cookie = arguments.ReadUInt64();
        arguments.ReadUInt64();
        uint names = arguments.ReadUInt32(), count = arguments.ReadUInt32();
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        Answer(call, handle, new(cookie, Most: Bounded(count, call.Peer), MostNames: (int)Math.Min(names, int.MaxValue), WithAttributes: true), results);
        return AcceptStatus.Success;
    }

    private static int Bounded(uint count, in Peer peer) => (int)Math.Min(count, (uint)DataProcedures.Most(peer));

    private void Answer(in RpcCall call, ReadOnlySpan<byte> handle, in Listing listing, XdrWriter results)
    {
        int start = results.Output.Length;
        Nfsstat3 status = files.OpenDirectory(call, handle, Purpose.Use, out FileLease directory);
        using (directory)
        {
            if (status == Nfsstat3.Nfs3Ok)
                status = NfsStatus.Of(faccessat2(directory.File.Path, ExportedDirectory.Here, R_OK, AT_EACCESS | AT_EMPTY_PATH));
            if (status == Nfsstat3.Nfs3Ok)
            {
                lock (directory.File.Listing)
                    status = List(directory, listing, results);
            }

            if (status == Nfsstat3.Nfs3Ok)
                return;
            results.Output.Truncate(start);
            NfsReply.Status(results, status);
            NfsReply.PostOp(results, directory);
        }
    }

    private static Nfsstat3 List(in FileLease directory, in Listing listing, XdrWriter results)
    {
        int fd = directory.File.ForReading();
        if (fd < 0)
            return NfsStatus.Of(-fd);
        if (lseek(fd, (long)listing.Cookie, SEEK_SET).IsError)
            return Nfsstat3.Nfs3errBadCookie;
        NfsReply.Status(results, Nfsstat3.Nfs3Ok);
        NfsReply.PostOp(results, directory);
        results.WriteUInt64(0);

        // An entry takes about as much room here as in the kernel's buffer; with attributes and handle about a fifth of it is the entry.
        int left = listing.Most - Overhead, names = listing.MostNames, count = 0;
        bool isFull = left < 0;
        DirectoryEntries entries = DirectoryEntries.Of(fd, Math.Min(names, listing.WithAttributes ? left / 5 : left));
        DirectoryEntry entry = default;
        while (!isFull && entries.Next(out entry))
        {
            int before = results.Output.Length;
            int ofName = Write(entry, directory, results);
            if (listing.WithAttributes)
                WritePlus(entry, directory.File, results);
            int size = results.Output.Length - before;
            isFull = size > left || (ofName > names && count > 0);
            if (isFull)
            {
                results.Output.Truncate(before);
                break;
            }

            left -= size;
            names -= ofName;
            count++;
        }

        if (entries.Errno != 0)
            return entries.Errno == EINVAL ? Nfsstat3.Nfs3errBadCookie : NfsStatus.Of(entries.Errno);
        if (isFull && count == 0)
            return Nfsstat3.Nfs3errToosmall;
        results.WriteBool(false);
        results.WriteBool(!isFull);
        return Nfsstat3.Nfs3Ok;
    }

    // The bool before it, fileid, name, cookie. The parent of an export's root is the root.
    private static int Write(in DirectoryEntry entry, in FileLease directory, XdrWriter results)
    {
        ReadOnlySpan<byte> name = entry.Name[..^1];
        bool isRoot = directory.File.Inode == directory.File.Export.RootInode && FileName.IsParent(name);
        int size = EntryOverhead + name.Length + XdrReader.Padding(name.Length);
        Span<byte> room = results.Output.Append(size);
        BinaryPrimitives.WriteUInt32BigEndian(room, 1);
        BinaryPrimitives.WriteUInt64BigEndian(room[4..], isRoot ? directory.File.Inode : entry.Inode);
        BinaryPrimitives.WriteUInt32BigEndian(room[12..], (uint)name.Length);
        room[(16 + name.Length)..^8].Clear();
        name.CopyTo(room[16..]);
        BinaryPrimitives.WriteUInt64BigEndian(room[^8..], (ulong)entry.Next);
        return size;
    }

    // name_attributes and name_handle; none of what is gone by now, is on another mount, or is above the directory.
    private static void WritePlus(in DirectoryEntry entry, CachedFile directory, XdrWriter results)
    {
        Span<byte> handle = stackalloc byte[FileHandle.MaxLength];
        ReadOnlySpan<byte> name = entry.Name;
        bool isParent = FileName.IsParent(name[..^1]);
        bool isSelf = FileName.IsSelf(name[..^1]) || (isParent && directory.Inode == directory.Export.RootInode);
        int length = 0;
        statx_t status = default;
        bool known = isSelf
            ? !directory.Export.Look(directory.Path, ExportedDirectory.Here, 0, out status, handle, out length).IsError
            : !isParent && !directory.Export.Look(directory.Path, name, directory.Inode, out status, handle, out length).IsError;
        results.WriteBool(known);
        if (known)
            NfsReply.Attributes(results, status, directory.Export);
        results.WriteBool(known);
        if (known)
            results.WriteOpaque(handle[..length]);
    }

    /// <summary>What a call asks for.</summary>
    /// <param name="Cookie">Where to begin; 0: at the first entry.</param>
    /// <param name="Most">The most bytes of the results, without the status.</param>
    /// <param name="MostNames">The most bytes of entries without attributes and handles.</param>
    /// <param name="WithAttributes">Whether each entry has those.</param>
    private readonly record struct Listing(ulong Cookie, int Most, int MostNames, bool WithAttributes);
}
