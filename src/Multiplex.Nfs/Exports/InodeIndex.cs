using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Multiplex.Interop;
using Multiplex.Nfs.Files;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Exports;

/// <summary>
/// Finds a file by its inode where the kernel cannot open files by handle: open_by_handle_at(2) takes a privilege, and some file systems have no handles. It remembers
/// where each file was seen. A file that was moved, or was last seen by an earlier server, is searched for in the whole export:
/// that takes time, but finds every file.
/// </summary>
internal sealed class InodeIndex(ExportedDirectory export)
{
    /// <summary>Bytes of what identifies the file in such a handle beside its inode: the time when it was made.</summary>
    public const int IdentityLength = 12;

    private const int MostDepth = 1024;

    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, Place> _places = [];
    private readonly HashSet<ulong> _gone = [];   // the codes of handles that were searched for and not found; such a file does not come back

    /// <summary>Writes what identifies a file beside its inode.</summary>
    public static void Identify(in statx_t status, Span<byte> identity)
    {
        bool hasBirth = (status.stx_mask & STATX_BTIME) != 0;
        BinaryPrimitives.WriteInt64BigEndian(identity, hasBirth ? status.stx_btime.tv_sec : 0);
        BinaryPrimitives.WriteUInt32BigEndian(identity[sizeof(long)..], hasBirth ? status.stx_btime.tv_nsec : 0);
    }

    /// <summary>Records that a file was seen in a directory.</summary>
    public void Record(ulong inode, ulong parent, ReadOnlySpan<byte> name)
    {
        lock (_lock)
        {
            ref Place place = ref CollectionsMarshal.GetValueRefOrAddDefault(_places, inode, out _);
            if (place.Name is null || place.Parent != parent || !name.SequenceEqual(place.Name))
                place = new(parent, name.ToArray());
        }
    }

    /// <summary>Records that a name of a file was removed.</summary>
    public void Forget(ulong inode)
    {
        lock (_lock)
            _places.Remove(inode);
    }

    /// <summary>Opens the file of a handle with O_PATH.</summary>
    /// <returns>The descriptor; or ESTALE.</returns>
    public SyscallResult Open(ReadOnlySpan<byte> handle)
    {
        ulong inode = FileHandle.InodeOf(handle);
        if (inode == export.RootInode)
            return openat(export.Root, ".\0"u8, O_PATH | O_DIRECTORY | O_CLOEXEC);
        ulong code = BinaryPrimitives.ReadUInt64LittleEndian(handle[^sizeof(ulong)..]);
        lock (_lock)
        {
            SyscallResult opened = OpenWhereSeen(inode, depth: 0);
            if (IsTheOne(opened, handle))
                return opened;
            if (_gone.Contains(code))
                return SyscallResult.Failed(ESTALE);
            opened = Search(inode);
            if (IsTheOne(opened, handle))
                return opened;
            _gone.Add(code);
            return SyscallResult.Failed(ESTALE);
        }
    }

    private static bool IsTheOne(SyscallResult opened, ReadOnlySpan<byte> handle)
    {
        if (opened.IsError)
            return false;
        Span<byte> identity = stackalloc byte[IdentityLength];
        if (!ExportedDirectory.StatusOf((int)opened.Value, out statx_t status).IsError && status.stx_ino == FileHandle.InodeOf(handle))
        {
            Identify(status, identity);
            if (identity.SequenceEqual(FileHandle.IdentityOf(handle)))
                return true;
        }

        close((int)opened.Value);
        return false;
    }

    // From the root down along the recorded names; each must still lead to the recorded inode.
    private SyscallResult OpenWhereSeen(ulong inode, int depth)
    {
        if (inode == export.RootInode)
            return openat(export.Root, ".\0"u8, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (depth == MostDepth || !_places.TryGetValue(inode, out Place place))
            return SyscallResult.Failed(ENOENT);
        SyscallResult parent = OpenWhereSeen(place.Parent, depth + 1);
        if (parent.IsError)
            return parent;
        SyscallResult opened = OpenIn((int)parent.Value, place.Name, inode);
        close((int)parent.Value);
        return opened;
    }

    private static SyscallResult OpenIn(int directory, ReadOnlySpan<byte> name, ulong inode)
    {
        Span<byte> path = stackalloc byte[FileName.MaxLength + 1];
        name.CopyTo(path);
        path[name.Length] = 0;
        SyscallResult opened = FileName.Open(directory, path[..(name.Length + 1)], O_PATH);
        if (opened.IsError || (!ExportedDirectory.StatusOf((int)opened.Value, out statx_t status).IsError && status.stx_ino == inode))
            return opened;
        close((int)opened.Value);
        return SyscallResult.Failed(ENOENT);
    }

    // Searches the export until the file is found. Pending directories are kept as inodes, not descriptors: there may be more than a process can open.
    private SyscallResult Search(ulong inode)
    {
        Stack<ulong> waiting = new([export.RootInode]);
        SyscallResult found = SyscallResult.Failed(ENOENT);
        while (found.IsError && waiting.TryPop(out ulong directory))
        {
            SyscallResult path = OpenWhereSeen(directory, depth: 0);
            if (path.IsError)
                continue;
            int listed = ProcPath.Reopen((int)path.Value, O_RDONLY | O_DIRECTORY);
            close((int)path.Value);
            if (listed < 0)
                continue;
            found = SearchIn(listed, directory, inode, waiting);
            close(listed);
        }

        return found;
    }

    private SyscallResult SearchIn(int directory, ulong parent, ulong wanted, Stack<ulong> waiting)
    {
        SyscallResult found = SyscallResult.Failed(ENOENT);
        DirectoryEntries entries = DirectoryEntries.Of(directory);
        while (entries.Next(out DirectoryEntry entry))
        {
            if (entry.IsDot)
                continue;
            Record(entry.Inode, parent, entry.Name[..^1]);
            if (entry.Inode == wanted && found.IsError)
                found = OpenIn(directory, entry.Name[..^1], wanted);
            if (entry.MayBeDirectory)
                waiting.Push(entry.Inode);
        }

        return found;
    }

    private readonly record struct Place(ulong Parent, byte[] Name);
}
