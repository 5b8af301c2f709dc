using System.Runtime.InteropServices;
using System.Text;
using NUnit.Framework;

namespace Multiplex.ServerTests.Harness.Nfs;

/// <summary>What libnfs reports of a file: struct nfs_stat_64.</summary>
internal readonly record struct LibnfsStat(ulong Ino, ulong Mode, ulong Nlink, ulong Uid, ulong Gid, ulong Rdev, ulong Size, ulong Atime, ulong Mtime);

/// <summary>
/// The C library libnfs (Debian's libnfs-utils has it) as a client, in this process: the same calls that its own test programs make. Each returns zero
/// or a count, or a negative errno.
/// </summary>
internal sealed unsafe partial class LibnfsClient : IDisposable
{
    /// <summary>O_APPEND of &lt;fcntl.h&gt;.</summary>
    public const int Append = 0x400;

    private readonly nint _nfs = Native.nfs_init_context();

    /// <summary>Mounts an export, or a directory in it.</summary>
    public LibnfsClient(int port, string path = NfsExport.Name, string options = "")
    {
        Tools.Require("nfs-ls");
        nint* url = (nint*)Native.nfs_parse_url_dir(_nfs, Z($"nfs://127.0.0.1{path}?nfsport={port}&mountport={port}{options}"));
        Assert.That((nint)url, Is.Not.Zero, () => Error);
        MountStatus = Native.nfs_mount(_nfs, url[0], url[1]);
        Native.nfs_destroy_url((nint)url);
    }

    /// <summary>What nfs_mount returned.</summary>
    public int MountStatus { get; }

    /// <summary>The library's text about the last failure.</summary>
    public string Error => Marshal.PtrToStringUTF8(Native.nfs_get_error(_nfs)) ?? "";

    private static byte[] Z(string text) => Z(Encoding.UTF8.GetBytes(text));

    private static byte[] Z(byte[] text) => [.. text, 0];

    public int Chdir(string path) => Native.nfs_chdir(_nfs, Z(path));

    public int Mkdir(string path) => Native.nfs_mkdir(_nfs, Z(path));

    public int Rmdir(string path) => Native.nfs_rmdir(_nfs, Z(path));

    public int Unlink(string path) => Native.nfs_unlink(_nfs, Z(path));

    public int Rename(string from, string to) => Native.nfs_rename(_nfs, Z(from), Z(to));

    public int Link(string from, string to) => Native.nfs_link(_nfs, Z(from), Z(to));

    public int Symlink(string target, string path) => Native.nfs_symlink(_nfs, Z(target), Z(path));

    public int Mknod(string path, int mode, int device) => Native.nfs_mknod(_nfs, Z(path), mode, device);

    public int Truncate(string path, ulong length) => Native.nfs_truncate(_nfs, Z(path), length);

    public int Chmod(string path, int mode) => Native.nfs_chmod(_nfs, Z(path), mode);

    public int Lchmod(string path, int mode) => Native.nfs_lchmod(_nfs, Z(path), mode);

    public int Chown(string path, int uid, int gid) => Native.nfs_chown(_nfs, Z(path), uid, gid);

    public int Lchown(string path, int uid, int gid) => Native.nfs_lchown(_nfs, Z(path), uid, gid);

    public int Utimes(string path, long access, long modification) => Native.nfs_utimes(_nfs, Z(path), [access, 0, modification, 0]);

    public int Access(string path, int mode) => Native.nfs_access(_nfs, Z(path), mode);

    public int Access2(string path) => Native.nfs_access2(_nfs, Z(path));

    /// <summary>The status, and what the library reports.</summary>
    public (int Status, LibnfsStat Stat) Stat(string path) => StatOf(stat => Native.nfs_stat64(_nfs, Z(path), stat));

    public (int Status, LibnfsStat Stat) Lstat(byte[] path) => StatOf(stat => Native.nfs_lstat64(_nfs, Z(path), stat));

    public (int Status, LibnfsStat Stat) Lstat(string path) => Lstat(Encoding.UTF8.GetBytes(path));

    /// <summary>The blocks of the file system, their size, and the longest name.</summary>
    public (int Status, ulong BlockSize, ulong Blocks, ulong NameMax) Statvfs(string path)
    {
        const int Size = 16, FragmentSize = 1, Blocks = 2, NameMax = 10;   // struct statvfs of <sys/statvfs.h>, 64 bits
        ulong* told = stackalloc ulong[Size];
        int status = Native.nfs_statvfs(_nfs, Z(path), (nint)told);
        return (status, told[FragmentSize], told[Blocks], told[NameMax]);
    }

    /// <summary>The target of a symbolic link; null if there is no such link.</summary>
    public byte[]? ReadLink(byte[] path)
    {
        byte[] target = new byte[4097];
        return Native.nfs_readlink(_nfs, Z(path), target, target.Length) == 0 ? target[..Array.IndexOf(target, (byte)0)] : null;
    }

    /// <summary>The names in a directory except "." and "..", each with whether it is a directory; null if the directory does not exist.</summary>
    public List<(byte[] Name, uint Type)>? List(byte[] path)
    {
        if (Native.nfs_opendir(_nfs, Z(path), out nint directory) != 0)
            return null;
        List<(byte[], uint)> entries = [];
        for (nint entry = Native.nfs_readdir(_nfs, directory); entry != 0; entry = Native.nfs_readdir(_nfs, directory))
        {
            byte[] name = MemoryMarshal.CreateReadOnlySpanFromNullTerminated((byte*)((nint*)entry)[1]).ToArray();
            if (name is not [(byte)'.'] and not [(byte)'.', (byte)'.'])
                entries.Add((name, ((uint*)entry)[6]));   // struct nfsdirent: next, name, inode, type
        }

        Native.nfs_closedir(_nfs, directory);
        return entries;
    }

    /// <summary>The names in a directory as text, sorted.</summary>
    public string[] List(string path) =>
        [.. (List(Encoding.UTF8.GetBytes(path)) ?? []).Select(one => Encoding.UTF8.GetString(one.Name)).Order(StringComparer.Ordinal)];

    /// <summary>Opens a file; the handle is valid while the status is zero.</summary>
    public (int Status, LibnfsFile File) Open(byte[] path, int flags, int mode = 0x1A4)
    {
        int status = Native.nfs_open2(_nfs, Z(path), flags, mode, out nint file);
        return (status, new(_nfs, status == 0 ? file : 0));
    }

    public (int Status, LibnfsFile File) Open(string path, int flags, int mode = 0x1A4) => Open(Encoding.UTF8.GetBytes(path), flags, mode);

    public (int Status, LibnfsFile File) Creat(string path, int mode)
    {
        int status = Native.nfs_creat(_nfs, Z(path), mode, out nint file);
        return (status, new(_nfs, status == 0 ? file : 0));
    }

    public void Dispose() => Native.nfs_destroy_context(_nfs);

    internal static (int Status, LibnfsStat Stat) StatOf(Func<nint, int> ask)
    {
        const int Longest = 64;
        ulong* told = stackalloc ulong[Longest];
        int status = ask((nint)told);
        return (status, new(told[1], told[2], told[3], told[4], told[5], told[6], told[7], told[10], told[11]));
    }

#pragma warning disable IDE1006, SA1300 // the library's names
    internal static partial class Native
    {
        public const string Library = "libnfs";

        // The library's version differs between distributions: 13 is 4.0, 14 is 5.0.
        static Native() => NativeLibrary.SetDllImportResolver(
            typeof(Native).Assembly,
            (name, _, _) => name == Library && (NativeLibrary.TryLoad("libnfs.so.13", out nint found) || NativeLibrary.TryLoad("libnfs.so.14", out found)) ? found : 0);

        [LibraryImport(Library)]
        public static partial nint nfs_init_context();

        [LibraryImport(Library)]
        public static partial void nfs_destroy_context(nint nfs);

        [LibraryImport(Library)]
        public static partial nint nfs_get_error(nint nfs);

        [LibraryImport(Library)]
        public static partial nint nfs_parse_url_dir(nint nfs, byte[] url);

        [LibraryImport(Library)]
        public static partial void nfs_destroy_url(nint url);

        [LibraryImport(Library)]
        public static partial int nfs_mount(nint nfs, nint server, nint path);

        [LibraryImport(Library)]
        public static partial int nfs_chdir(nint nfs, byte[] path);

        [LibraryImport(Library)]
        public static partial int nfs_mkdir(nint nfs, byte[] path);

        [LibraryImport(Library)]
        public static partial int nfs_rmdir(nint nfs, byte[] path);

        [LibraryImport(Library)]
        public static partial int nfs_unlink(nint nfs, byte[] path);

        [LibraryImport(Library)]
        public static partial int nfs_rename(nint nfs, byte[] from, byte[] to);

        [LibraryImport(Library)]
        public static partial int nfs_link(nint nfs, byte[] from, byte[] to);

        [LibraryImport(Library)]
        public static partial int nfs_symlink(nint nfs, byte[] target, byte[] path);

        [LibraryImport(Library)]
        public static partial int nfs_mknod(nint nfs, byte[] path, int mode, int device);

        [LibraryImport(Library)]
        public static partial int nfs_truncate(nint nfs, byte[] path, ulong length);

        [LibraryImport(Library)]
        public static partial int nfs_chmod(nint nfs, byte[] path, int mode);

        [LibraryImport(Library)]
        public static partial int nfs_lchmod(nint nfs, byte[] path, int mode);

        [LibraryImport(Library)]
        public static partial int nfs_chown(nint nfs, byte[] path, int uid, int gid);

        [LibraryImport(Library)]
        public static partial int nfs_lchown(nint nfs, byte[] path, int uid, int gid);

        [LibraryImport(Library)]
        public static partial int nfs_utimes(nint nfs, byte[] path, long[] times);

        [LibraryImport(Library)]
        public static partial int nfs_access(nint nfs, byte[] path, int mode);

        [LibraryImport(Library)]
        public static partial int nfs_access2(nint nfs, byte[] path);

        [LibraryImport(Library)]
        public static partial int nfs_stat64(nint nfs, byte[] path, nint stat);

        [LibraryImport(Library)]
        public static partial int nfs_lstat64(nint nfs, byte[] path, nint stat);

        [LibraryImport(Library)]
        public static partial int nfs_statvfs(nint nfs, byte[] path, nint stat);

        [LibraryImport(Library)]
        public static partial int nfs_readlink(nint nfs, byte[] path, byte[] target, int size);

        [LibraryImport(Library)]
        public static partial int nfs_opendir(nint nfs, byte[] path, out nint directory);

        [LibraryImport(Library)]
        public static partial nint nfs_readdir(nint nfs, nint directory);

        [LibraryImport(Library)]
        public static partial void nfs_closedir(nint nfs, nint directory);

        [LibraryImport(Library)]
        public static partial int nfs_open2(nint nfs, byte[] path, int flags, int mode, out nint file);

        [LibraryImport(Library)]
        public static partial int nfs_creat(nint nfs, byte[] path, int mode, out nint file);

        [LibraryImport(Library)]
        public static partial int nfs_close(nint nfs, nint file);

        [LibraryImport(Library)]
        public static partial int nfs_fstat64(nint nfs, nint file, nint stat);

        [LibraryImport(Library)]
        public static partial int nfs_ftruncate(nint nfs, nint file, ulong length);

        [LibraryImport(Library)]
        public static partial int nfs_fchmod(nint nfs, nint file, int mode);

        [LibraryImport(Library)]
        public static partial int nfs_fchown(nint nfs, nint file, int uid, int gid);

        [LibraryImport(Library)]
        public static partial int nfs_fsync(nint nfs, nint file);

        [LibraryImport(Library)]
        public static partial int nfs_lseek(nint nfs, nint file, long offset, int whence, out ulong position);

        [LibraryImport(Library)]
        public static partial int nfs_read(nint nfs, nint file, ulong count, byte[] data);

        [LibraryImport(Library)]
        public static partial int nfs_write(nint nfs, nint file, ulong count, byte[] data);

        [LibraryImport(Library)]
        public static partial int nfs_pread(nint nfs, nint file, ulong offset, ulong count, byte[] data);

        [LibraryImport(Library)]
        public static partial int nfs_pwrite(nint nfs, nint file, ulong offset, ulong count, byte[] data);
    }
#pragma warning restore IDE1006, SA1300
}

/// <summary>A file that libnfs has opened.</summary>
internal sealed class LibnfsFile(nint nfs, nint file) : IDisposable
{
    public int Read(byte[] data) => LibnfsClient.Native.nfs_read(nfs, file, (ulong)data.Length, data);

    public int Write(byte[] data) => LibnfsClient.Native.nfs_write(nfs, file, (ulong)data.Length, data);

    public int ReadAt(ulong offset, byte[] data) => LibnfsClient.Native.nfs_pread(nfs, file, offset, (ulong)data.Length, data);

    public int WriteAt(ulong offset, byte[] data) => LibnfsClient.Native.nfs_pwrite(nfs, file, offset, (ulong)data.Length, data);

    public int Truncate(ulong length) => LibnfsClient.Native.nfs_ftruncate(nfs, file, length);

    public int Chmod(int mode) => LibnfsClient.Native.nfs_fchmod(nfs, file, mode);

    public int Chown(int uid, int gid) => LibnfsClient.Native.nfs_fchown(nfs, file, uid, gid);

    public int Sync() => LibnfsClient.Native.nfs_fsync(nfs, file);

    /// <summary>The status, and the position.</summary>
    public (int Status, ulong Position) Seek(long offset, SeekOrigin origin) =>
        (LibnfsClient.Native.nfs_lseek(nfs, file, offset, (int)origin, out ulong position), position);

    public (int Status, LibnfsStat Stat) Stat() => LibnfsClient.StatOf(stat => LibnfsClient.Native.nfs_fstat64(nfs, file, stat));

    /// <summary>The whole file from the beginning, by reads of 64 KiB.</summary>
    public byte[] ReadAll()
    {
        using MemoryStream all = new();
        byte[] part = new byte[64 << 10];
        while (ReadAt((ulong)all.Length, part) is not 0 and int count)
        {
            Assert.That(count, Is.Positive);
            all.Write(part, 0, count);
        }

        return all.ToArray();
    }

    public void Dispose()
    {
        if (file != 0)
            _ = LibnfsClient.Native.nfs_close(nfs, file);
    }
}
