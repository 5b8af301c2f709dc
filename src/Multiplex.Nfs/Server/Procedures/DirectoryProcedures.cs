using System.Buffers.Binary;
using Multiplex.Nfs.Exports;
using Multiplex.Nfs.Files;
using Multiplex.Nfs.Protocol;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Server;
using Multiplex.Rpc.Xdr;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Server.Procedures;

/// <summary>
/// READDIR and READDIRPLUS: RFC 1813 sections 3.3.16 and 3.3.17. A cookie is the file system's own position of the next entry, d_off of
/// getdents64(2): it stays valid while other entries are made and removed, and continuing from it costs no more than beginning.
/// </summary>
internal sealed class DirectoryProcedures(ServedFiles files, ListingCache listings)
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
            // Cached entries were read for a caller that had the right to search the directory.
            bool usesKept = status == Nfsstat3.Nfs3Ok && listing.WithAttributes && May(directory, R_OK | X_OK) == Nfsstat3.Nfs3Ok;
            if (status == Nfsstat3.Nfs3Ok && !usesKept)
                status = May(directory, R_OK);
            if (status == Nfsstat3.Nfs3Ok)
                status = List(directory, listing, usesKept, results);
            if (status == Nfsstat3.Nfs3Ok)
                return;
            results.Output.Truncate(start);
            NfsReply.Status(results, status);
            NfsReply.PostOp(results, directory);
        }
    }

    private static Nfsstat3 May(in FileLease directory, int access) =>
        NfsStatus.Of(faccessat2(directory.File.Path, ExportedDirectory.Here, access, AT_EACCESS | AT_EMPTY_PATH));

    private Nfsstat3 List(in FileLease directory, in Listing listing, bool usesKept, XdrWriter results)
    {
        Nfsstat3 status = NfsStatus.Of(ExportedDirectory.StatusOf(directory.File.Path, out statx_t attributes));
        if (status != Nfsstat3.Nfs3Ok)
            return status;
        NfsReply.Status(results, Nfsstat3.Nfs3Ok);
        NfsReply.PostOp(results, attributes, directory.File.Export);
        results.WriteUInt64(0);
        Budget budget = new(listing);
        bool isLast = false;
        if (!usesKept || !WriteKept(directory.File, attributes, listing, ref budget, ref isLast, results))
        {
            lock (directory.File.Listing)
                status = WriteRead(directory.File, attributes, listing, ref budget, ref isLast, results);
        }

        if (status != Nfsstat3.Nfs3Ok)
            return status;
        if (budget is { IsFull: true, Count: 0 })
            return Nfsstat3.Nfs3errToosmall;
        results.WriteBool(false);
        results.WriteBool(isLast && !budget.IsFull);
        return Nfsstat3.Nfs3Ok;
    }

    // Writes entries that are cached from earlier replies. False: there are none from that cookie on.
    private bool WriteKept(CachedFile directory, in statx_t attributes, in Listing listing, ref Budget budget, ref bool isLast, XdrWriter results)
    {
        ulong cookie = listing.Cookie;
        while (!budget.IsFull && !isLast && listings.Find(directory, attributes, cookie) is { } page)
        {
            lock (page)
            {
                Budget before = budget;
                int length = Fit(page, directory, ref budget);
                if (length < 0)
                {
                    budget = before;   // none of the page is in the reply
                    listings.Forget(page);
                    return budget.Count > 0;
                }

                page.Bytes.AsSpan(0, length).CopyTo(results.Output.Append(length));
                isLast = page.IsLast;
                cookie = page.Next;
            }
        }

        return budget.IsFull || budget.Count > 0;
    }

    // How many bytes of a page fit, with attributes that are recent enough; -1: it is out of date.
    private static int Fit(ListingPage page, CachedFile directory, ref Budget budget)
    {
        long now = Environment.TickCount64;
        int end = 0;
        for (int i = 0; i < page.Entries.Length; i++)
        {
            int start = end;
            ReadOnlySpan<byte> entry = page.Bytes.AsSpan(start, page.Entries[i].End - start);
            if (!budget.Take(entry.Length, LengthOf(NameOf(entry))))
                return start;
            if (!directory.Export.AreCurrent(InodeOf(entry), page.Entries[i].Asked, now) && !Refresh(page, i, start, directory))
                return -1;
            end = page.Entries[i].End;
        }

        return end;
    }

    private static bool Refresh(ListingPage page, int index, int start, CachedFile directory)
    {
        Span<byte> entry = page.Bytes.AsSpan(start, page.Entries[index].End - start);
        ReadOnlySpan<byte> name = NameOf(entry);
        Span<byte> attributes = entry[LengthOf(name)..];
        long asked = Environment.TickCount64;
        if (BinaryPrimitives.ReadUInt32BigEndian(attributes) != 0)
        {
            Span<byte> path = stackalloc byte[FileName.MaxLength + 1];
            name.CopyTo(path);
            path = path[..(FileName.IsParent(name) ? 2 : name.Length + 1)];   // ".." has attributes only in the root: those of "."
            path[^1] = 0;
            if (directory.Export.Look(directory.Path, path, out statx_t status).IsError || status.stx_ino != InodeOf(entry))
                return false;
            NfsReply.Attributes(attributes[sizeof(uint)..], status, directory.Export);
        }

        page.Entries[index] = page.Entries[index] with { Asked = asked };
        return true;
    }

    // Writes entries from the file system.
    private Nfsstat3 WriteRead(CachedFile directory, in statx_t attributes, in Listing listing, ref Budget budget, ref bool isLast, XdrWriter results)
    {
        int fd = directory.ForReading();
        if (fd < 0)
            return NfsStatus.Of(-fd);
        if (lseek(fd, (long)listing.Cookie, SEEK_SET).IsError)
            return Nfsstat3.Nfs3errBadCookie;

        // An entry takes about as much room here as in the kernel's buffer; with attributes and handle about a fifth of it is the entry.
        DirectoryEntries entries = DirectoryEntries.Of(fd, Math.Min(budget.Names, listing.WithAttributes ? budget.Left / 5 : budget.Left));
        ListingRecorder recorder = listing.WithAttributes ? new(listings, directory, attributes, listing.Cookie, results.Output) : default;
        while (!budget.IsFull && entries.Next(out DirectoryEntry entry))
        {
            int before = results.Output.Length;
            long asked = Environment.TickCount64;
            int ofName = Write(entry, directory, results);
            bool mayKeep = listing.WithAttributes && WritePlus(entry, directory, results);
            if (!budget.Take(results.Output.Length - before, ofName))
                results.Output.Truncate(before);
            else if (mayKeep)
                recorder.Add(results.Output, (ulong)entry.Next, asked);
            else
                recorder.Stop(results.Output);
        }

        if (entries.Errno != 0)
            return entries.Errno == EINVAL ? Nfsstat3.Nfs3errBadCookie : NfsStatus.Of(entries.Errno);
        isLast = !budget.IsFull;
        recorder.Keep(results.Output, isLast);
        return Nfsstat3.Nfs3Ok;
    }

    // The bool before it, fileid, name, cookie. The parent of an export's root is the root.
    private static int Write(in DirectoryEntry entry, CachedFile directory, XdrWriter results)
    {
        ReadOnlySpan<byte> name = entry.Name[..^1];
        bool isRoot = directory.Inode == directory.Export.RootInode && FileName.IsParent(name);
        int size = LengthOf(name);
        Span<byte> room = results.Output.Append(size);
        BinaryPrimitives.WriteUInt32BigEndian(room, 1);
        BinaryPrimitives.WriteUInt64BigEndian(room[4..], isRoot ? directory.Inode : entry.Inode);
        BinaryPrimitives.WriteUInt32BigEndian(room[12..], (uint)name.Length);
        room[(16 + name.Length)..^8].Clear();
        name.CopyTo(room[16..]);
        BinaryPrimitives.WriteUInt64BigEndian(room[^8..], (ulong)entry.Next);
        return size;
    }

    // The same for an entry that is written.
    private static ReadOnlySpan<byte> NameOf(ReadOnlySpan<byte> entry) => entry.Slice(16, (int)BinaryPrimitives.ReadUInt32BigEndian(entry[12..]));

    private static ulong InodeOf(ReadOnlySpan<byte> entry) => BinaryPrimitives.ReadUInt64BigEndian(entry[4..]);

    private static int LengthOf(ReadOnlySpan<byte> name) => EntryOverhead + name.Length + XdrReader.Padding(name.Length);

    // Writes name_attributes and name_handle; neither for a file that is gone by now, is on another mount, or is above the directory. Returns whether they may be cached with
    // the entry, as they belong to the same file.
    private static bool WritePlus(in DirectoryEntry entry, CachedFile directory, XdrWriter results)
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
        return known ? status.stx_ino == (isParent ? directory.Inode : entry.Inode) : isParent;
    }

    /// <summary>The arguments of a call.</summary>
    /// <param name="Cookie">Where to begin; 0: at the first entry.</param>
    /// <param name="Most">The most bytes of the results, without the status.</param>
    /// <param name="MostNames">The most bytes of entries without attributes and handles.</param>
    /// <param name="WithAttributes">Whether entries have attributes and handles.</param>
    private readonly record struct Listing(ulong Cookie, int Most, int MostNames, bool WithAttributes);

    // The remaining part of Most.
    private struct Budget(in Listing listing)
    {
        public int Left { get; private set; } = listing.Most - Overhead;

        public int Names { get; private set; } = listing.MostNames;

        public int Count { get; private set; }

        public bool IsFull { get; private set; } = listing.Most < Overhead;

        // Takes room for an entry, unless it is too long; one entry always fits by its name alone.
        public bool Take(int size, int ofName)
        {
            IsFull |= size > Left || (ofName > Names && Count > 0);
            if (IsFull)
                return false;
            Left -= size;
            Names -= ofName;
            Count++;
            return true;
        }
    }
}
