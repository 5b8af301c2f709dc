using System.Text;
using Multiplex.Interop;
using Multiplex.Nfs.Files;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Exports;

/// <summary>A served export: its root, which is held open, and the handles of its files.</summary>
internal sealed class ExportedDirectory
{
    private const uint Wanted = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;
    private const int NoAutomount = 0x800;   // AT_NO_AUTOMOUNT
    private const int MostPath = 4096;
    private const int MostTries = 100;   // one or two do

    // For how many seconds a directory must be unchanged before its entries are cached: longer than the granularity of its ctime on any kernel, so that a change
    // while it is read gives it another ctime.
    private const long Settled = 2;

    private readonly byte[] _key;
    private readonly InodeIndex _index;
    private readonly RecentChanges _changes;
    private readonly long _attributeTime;   // milliseconds
    private readonly bool _hasExactTimes;

    private ExportedDirectory(Export export, int root, UserGroups? groups, byte[] key, RecentChanges changes)
    {
        Export = export;
        Root = root;
        _key = key;
        Name = Encoding.UTF8.GetBytes(export.Name);
        Id = (uint)SipHash.Of(new byte[SipHash.KeyLength], Name);
        statx(root, Here, AT_EMPTY_PATH, Wanted, out statx_t status).OrThrow("statx", export.Directory);
        fstatvfs(root, out statvfs fileSystem).OrThrow("statvfs", export.Directory);
        RootInode = status.stx_ino;
        Mount = status.stx_mnt_id;
        FileSystem = fileSystem.f_fsid;
        _index = new(this);
        _changes = changes;
        Groups = groups;
        _attributeTime = (long)export.AttributeTime.TotalMilliseconds;
        _hasExactTimes = MountTable.TypeOf(Mount) is "ext2" or "ext3" or "ext4" or "xfs" or "btrfs" or "tmpfs" or "f2fs";
        Form = CanOpenByHandle() ? HandleForm.Kernel : HandleForm.Inode;
    }

    /// <summary>The path of a descriptor itself, with AT_EMPTY_PATH.</summary>
    public static ReadOnlySpan<byte> Here => "\0"u8;

    /// <summary>The options of the export.</summary>
    public Export Export { get; }

    /// <summary>Where the groups of callers are looked up; null: those in the call are used.</summary>
    public UserGroups? Groups { get; }

    /// <summary>The name that clients mount.</summary>
    public byte[] Name { get; }

    /// <summary>The id in its handles, and of its file system in attributes: a hash of the name, so that it is the same after a restart.</summary>
    public uint Id { get; }

    /// <summary>A descriptor of the directory.</summary>
    public int Root { get; }

    /// <summary>Its inode.</summary>
    public ulong RootInode { get; }

    /// <summary>The mount that it is on. Nothing on another mount is of this export.</summary>
    public ulong Mount { get; }

    /// <summary>The exports of what is mounted below it, by their mounts: those that a LOOKUP leads to.</summary>
    public Dictionary<ulong, ExportedDirectory> Below { get; private init; } = [];

    /// <summary>Whether it is such an export itself, which no option names.</summary>
    public bool IsMountedBelow { get; private init; }

    /// <summary>The id of the file system.</summary>
    public ulong FileSystem { get; }

    /// <summary>How its handles identify their files.</summary>
    public HandleForm Form { get; }

    /// <summary>Opens the directory of an export.</summary>
    /// <param name="export">The export.</param>
    /// <param name="groups">Where the groups of callers are looked up; null: calls name them.</param>
    /// <param name="key">The server's key.</param>
    /// <param name="changes">Recent changes of files in all exports.</param>
    /// <exception cref="SyscallException">It cannot be opened.</exception>
    public static ExportedDirectory Open(Export export, UserGroups? groups, byte[] key, RecentChanges changes)
    {
        int root = open(export.Directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC).OrThrow("open", export.Directory);
        return new(export, root, groups, key, changes);
    }

    /// <summary>Opens what is mounted below this one, as an export with the same options.</summary>
    /// <param name="mount">The mount's id.</param>
    /// <param name="path">Where it is mounted.</param>
    /// <param name="name">The name that clients mount.</param>
    /// <returns>The export; null where that path leads to another mount, or the file system has no handles, as that of proc(5).</returns>
    public ExportedDirectory? OpenBelow(ulong mount, string path, string name)
    {
        SyscallResult opened = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (opened.IsError)
            return null;
        ExportedDirectory below = new(Export with { Directory = path, Name = name }, (int)opened.Value, Groups, _key, _changes) { Below = Below, IsMountedBelow = true };
        if (below.Mount == mount && below.HasHandles())
            return below;
        close(below.Root);
        return null;
    }

    /// <summary>The attributes of an open file.</summary>
    public static SyscallResult StatusOf(int fd, out statx_t status) => statx(fd, Here, AT_EMPTY_PATH, Wanted, out status);

    /// <summary>The attributes of a file in a directory, and its handle.</summary>
    /// <param name="directory">The directory; or with <see cref="Here"/> the file itself.</param>
    /// <param name="name">The name, with a NUL at its end and without a slash.</param>
    /// <param name="parent">The directory's inode.</param>
    /// <param name="status">Receives the attributes.</param>
    /// <param name="handle">Receives the handle.</param>
    /// <param name="length">How many bytes of it there are.</param>
    /// <returns>0, or the negative errno: EACCES for what is on another mount.</returns>
    public SyscallResult Look(int directory, ReadOnlySpan<byte> name, ulong parent, out statx_t status, Span<byte> handle, out int length)
    {
        int itself = name.Length == 1 ? AT_EMPTY_PATH : 0;
        length = 0;
        SyscallResult result = Look(directory, name, out status);
        if (result.IsError)
            return result;
        if (Form == HandleForm.Kernel)
        {
            // If the name belongs to another file by now, the handle has the inode of one file and the identity of the other: it is stale.
            Span<byte> identity = stackalloc byte[FileHandle.MaxIdentity];
            result = name_to_handle_at(directory, name, identity, out int size, out int type, out _, itself);
            if (!result.IsError && type is >= 0 and <= byte.MaxValue)
                length = FileHandle.Write(handle, HandleForm.Kernel, (byte)type, Id, status.stx_ino, identity[..size], _key, FileSystem);
            if (length > 0 || result.Errno is not (0 or EOPNOTSUPP or EOVERFLOW))
                return result;
        }

        if (itself == 0)
            Record(status.stx_ino, parent, name);
        length = WriteInodeHandle(handle, status);
        return default;
    }

    /// <summary>The attributes of a file in a directory.</summary>
    public SyscallResult Look(int directory, ReadOnlySpan<byte> name, out statx_t status)
    {
        int itself = name.Length == 1 ? AT_EMPTY_PATH : 0;
        SyscallResult result = statx(directory, name, AT_SYMLINK_NOFOLLOW | NoAutomount | itself, Wanted, out status);
        return result.IsError || status.stx_mnt_id == Mount ? result : SyscallResult.Failed(EACCES);
    }

    /// <summary>
    /// Whether a directory's entries may be cached: handles from the kernel stay valid whatever happens to other files, and the file system shows each change of
    /// a directory in its ctime.
    /// </summary>
    /// <param name="status">The directory's attributes before it is read.</param>
    public bool KeepsEntries(in statx_t status) => Form == HandleForm.Kernel && _hasExactTimes && Age(status) >= Settled;

    /// <summary>Records that attributes of a file are sent to a client, which must not get older ones later.</summary>
    public void Reported(in statx_t status)
    {
        // Nothing from before an older change is cached any more.
        if (Age(status) <= (_attributeTime / 1000) + 1)
            _changes.Mark(status.stx_ino);
    }

    /// <summary>Records that this server has changed a file whose attributes it does not report.</summary>
    public void Changed(ulong inode) => _changes.Mark(inode);

    /// <summary>Whether attributes are recent enough for a listing.</summary>
    /// <param name="inode">The file.</param>
    /// <param name="asked">When they were read from the file system, in milliseconds of <see cref="Environment.TickCount64"/>.</param>
    /// <param name="now">Now, in the same.</param>
    public bool AreCurrent(ulong inode, long asked, long now) => now - asked < _attributeTime && !_changes.IsChangedSince(inode, asked);

    /// <summary>Records that a file was seen in a directory, under a name with a NUL at its end.</summary>
    public void Record(ulong inode, ulong parent, ReadOnlySpan<byte> name)
    {
        if (Form == HandleForm.Inode)
            _index.Record(inode, parent, name[..^1]);
    }

    /// <summary>Whether this server has made a handle, and for a file of this export.</summary>
    public bool IsGenuine(ReadOnlySpan<byte> handle) => FileHandle.IsGenuine(handle, _key, FileSystem);

    /// <summary>Opens the file of a handle with O_PATH, as the server's own user.</summary>
    /// <param name="handle">The handle: genuine.</param>
    /// <returns>The descriptor, or the negative errno: ESTALE when there is no such file any more.</returns>
    public SyscallResult Open(ReadOnlySpan<byte> handle)
    {
        FileSystemUser.Current.AsServer();
        SyscallResult opened = FileHandle.FormOf(handle) == HandleForm.Kernel ? OpenByKernel(handle) : _index.Open(handle);
        if (opened.IsError)
            return opened.Is(ENOENT) || opened.Is(EINVAL) ? SyscallResult.Failed(ESTALE) : opened;
        int fd = (int)opened.Value;
        SyscallResult asked = StatusOf(fd, out statx_t status);
        bool isTheOne = !asked.IsError && status.stx_ino == FileHandle.InodeOf(handle) && status.stx_nlink > 0;
        if (isTheOne)
            return opened;
        close(fd);
        return SyscallResult.Failed(ESTALE);
    }

    /// <summary>Records that a name was removed, or belongs to another file now.</summary>
    public void Forget(ulong inode)
    {
        if (Form == HandleForm.Inode)
            _index.Forget(inode);
    }

    /// <summary>Whether a directory is the export's root or below it now, judged by its path from the kernel, or else by following "..".</summary>
    public bool Contains(int directory, in statx_t status)
    {
        if (status.stx_ino == RootInode)
            return true;
        ReadOnlySpan<byte> root = ProcPath.Where(Root, stackalloc byte[MostPath]), path = ProcPath.Where(directory, stackalloc byte[MostPath]);
        return root.IsEmpty || path.IsEmpty || path.Length == MostPath || root[0] != '/' || path[0] != '/'
            ? IsInside(directory)
            : path.StartsWith(root) && (root.Length == 1 || path.Length == root.Length || path[root.Length] == '/');
    }

    /// <summary>Makes the handle of <see cref="HandleForm.Inode"/>: the inode, which may be reused, and the time when the file was made.</summary>
    private int WriteInodeHandle(Span<byte> handle, in statx_t status)
    {
        Span<byte> born = stackalloc byte[InodeIndex.IdentityLength];
        InodeIndex.Identify(status, born);
        return FileHandle.Write(handle, HandleForm.Inode, 0, Id, status.stx_ino, born, _key, FileSystem);
    }

    // The time since a file was changed, in seconds.
    private static long Age(in statx_t status) => DateTimeOffset.UtcNow.ToUnixTimeSeconds() - status.stx_ctime.tv_sec;

    // The inode of a file that was removed may become another file's. While the kernel makes that one, it returns ENOMEM for the handle, and ESTALE afterwards.
    private SyscallResult OpenByKernel(ReadOnlySpan<byte> handle)
    {
        SyscallResult opened;
        int tries = 0;
        while ((opened = open_by_handle_at(Root, FileHandle.IdentityOf(handle), FileHandle.TypeOf(handle), O_PATH | O_NOFOLLOW | O_CLOEXEC)).Is(ENOMEM) && ++tries < MostTries)
            Thread.Yield();
        return opened;
    }

    private bool HasHandles() => !name_to_handle_at(Root, Here, stackalloc byte[FileHandle.MaxIdentity], out _, out _, out _, AT_EMPTY_PATH).IsError;

    private bool CanOpenByHandle()
    {
        Span<byte> identity = stackalloc byte[FileHandle.MaxIdentity];
        if (name_to_handle_at(Root, Here, identity, out int length, out int type, out _, AT_EMPTY_PATH).IsError)
            return false;
        SyscallResult opened = open_by_handle_at(Root, identity[..length], type, O_PATH | O_CLOEXEC);
        if (opened.IsError)
            return false;
        close((int)opened.Value);
        return true;
    }

    private bool IsInside(int directory)
    {
        int fd = dup(directory).OrThrow("dup");
        ulong below = 0;
        while (!StatusOf(fd, out statx_t status).IsError)
        {
            bool isRoot = status.stx_ino == RootInode && status.stx_mnt_id == Mount, isTop = status.stx_ino == below || status.stx_mnt_id != Mount;
            SyscallResult up = isRoot || isTop ? default : openat(fd, "..\0"u8, O_PATH | O_DIRECTORY | O_CLOEXEC);
            close(fd);
            if (isRoot || isTop || up.IsError)
                return isRoot;
            below = status.stx_ino;
            fd = (int)up.Value;
        }

        close(fd);
        return false;
    }
}
