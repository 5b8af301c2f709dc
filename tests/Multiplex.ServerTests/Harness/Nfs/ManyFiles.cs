using System.Security.Cryptography;
using System.Text;
using Multiplex.Interop;
using NUnit.Framework;
using static Multiplex.Interop.Libc;

namespace Multiplex.ServerTests.Harness.Nfs;

/// <summary>
/// A tree of many small files and of everything unusual: names that are not UTF-8, with newlines and of 255 bytes, hard links, symbolic links, files with holes and
/// with data behind 4 GiB, a FIFO, empty directories. It is made by system calls, as .NET's names are UTF-8.
/// </summary>
internal sealed class ManyFiles
{
    /// <summary>The offset of the far file's data, which is behind a hole.</summary>
    public const long Far = (5L << 30) + 12_345;

    /// <summary>The length of that data.</summary>
    public const int FarBytes = 70_000;

    private const int Directories = 40;

    private readonly string _root;
    private readonly Random _random = new(14);
    private readonly Dictionary<ulong, byte[]> _contents = [];

    /// <summary>Makes it.</summary>
    /// <param name="root">The directory, which is empty.</param>
    /// <param name="count">How many names the tree has in all, about.</param>
    public ManyFiles(string root, int count)
    {
        _root = root;
        byte[][] odd =
        [
            [0xFF, 0xFE, (byte)'x'], "two\nlines"u8.ToArray(), "\n"u8.ToArray(), " "u8.ToArray(), "-rf"u8.ToArray(), "*"u8.ToArray(), "a\\b"u8.ToArray(), "tab\t"u8.ToArray(),
            "häuser"u8.ToArray(), "\"quoted'"u8.ToArray(), [.. Enumerable.Repeat((byte)'n', 255)], [.. Enumerable.Repeat((byte)0x80, 255)], [1, 2, 3], "..."u8.ToArray(),
        ];
        foreach (byte[] name in odd)
        {
            Write(name, Small(), 0);
            MakeDirectory([.. "in-"u8, .. name.AsSpan(0, Math.Min(name.Length, 200))]);
            Write([.. "in-"u8, .. name.AsSpan(0, Math.Min(name.Length, 200)), (byte)'/', .. name], Small(), 0);
            symlinkat([.. name, 0], AT_FDCWD, At([.. "to-"u8, .. name.AsSpan(0, Math.Min(name.Length, 200))])).OrThrow("symlinkat");
        }

        for (int d = 0; d < Directories; d++)
        {
            byte[] directory = Text($"d{d}");
            MakeDirectory(directory);
            MakeDirectory([.. directory, .. "/empty"u8]);
            for (int i = 0; i < count / Directories; i++)
            {
                byte[] path = [.. directory, (byte)'/', .. Text($"file {i}")];
                if (i % 20 == 7)
                    linkat(AT_FDCWD, At([.. directory, .. Text($"/file {i - 1}")]), AT_FDCWD, At(path), 0).OrThrow("linkat");
                else if (i % 20 == 13)
                    symlinkat([.. Text($"../d{(d + 1) % Directories}/file {i - 1}"), 0], AT_FDCWD, At(path)).OrThrow("symlinkat");
                else
                    Write(path, Small(), 0);
            }
        }

        byte[] large = new byte[3 << 20];
        _random.NextBytes(large);
        Write("large"u8.ToArray(), large, 0);
        Write("sparse"u8.ToArray(), large[..10_000], 2 << 20);
        Write("far"u8.ToArray(), large[..FarBytes], Far);
        Assert.That(Mono.Unix.Native.Syscall.mkfifo(Path.Combine(root, "fifo"), Mono.Unix.Native.FilePermissions.S_IRUSR), Is.Zero);
    }

    /// <summary>
    /// A line for each name, by its path as Latin-1, which keeps bytes: type, inode, links, size, and what it has: the hash of a file's bytes, the target of a symbolic
    /// link. Of the far file the hash is of its data alone.
    /// </summary>
    public SortedDictionary<string, string> Listed { get; } = new(StringComparer.Ordinal);

    /// <summary>The line of a file.</summary>
    public static string Line(char type, ulong inode, ulong links, ulong size, string content) => $"{type} {inode} {links} {size} {content}";

    /// <summary>The hash of a file's bytes.</summary>
    public static string Hash(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>Bytes as text that keeps them.</summary>
    public static string Kept(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);

    /// <summary>Reads all of it by system calls, once it is not changed any more.</summary>
    public void Look()
    {
        Listed.Clear();
        string[] found = Kept(ProgramRun.Successfully("find", [".", "-mindepth", "1", "-printf", "%P\\0%y\\0%i\\0%n\\0%s\\0%l\\0"], folder: _root).Output).Split('\0');
        for (int i = 0; i + 5 < found.Length; i += 6)
        {
            ulong inode = ulong.Parse(found[i + 2]);
            string content = found[i + 1] == "l" ? found[i + 5] : _contents.TryGetValue(inode, out byte[]? bytes) ? Hash(bytes) : "";
            Listed.Add(found[i], Line(found[i + 1][0], inode, ulong.Parse(found[i + 3]), ulong.Parse(found[i + 4]), content));
        }
    }

    private static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);

    private byte[] At(byte[] path) => [.. Text(_root), (byte)'/', .. path, 0];

    private byte[] Small()
    {
        byte[] bytes = new byte[_random.Next(0, 2000)];
        _random.NextBytes(bytes);
        return bytes;
    }

    private void MakeDirectory(byte[] path) => mkdirat(AT_FDCWD, At(path), 0x1ED).OrThrow("mkdirat");

    private void Write(byte[] path, byte[] data, long offset)
    {
        int file = (int)openat(AT_FDCWD, At(path), O_CREAT | O_EXCL | O_WRONLY, 0x1A4).OrThrow("openat");
        SyscallResult written = pwrite(file, data, offset);
        statx(file, "", AT_EMPTY_PATH, STATX_BASIC_STATS, out statx_t status).OrThrow("statx");
        close(file);
        Assert.That(written.OrThrow("pwrite"), Is.EqualTo(data.Length));
        _contents[status.stx_ino] = offset is 0 or Far ? data : [.. new byte[offset], .. data];
    }
}
