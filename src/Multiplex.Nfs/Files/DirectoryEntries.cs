using System.Buffers.Binary;
using System.Runtime.InteropServices;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Files;

/// <summary>The entries of a directory from the position of its descriptor on, as getdents64(2) returns them.</summary>
internal ref struct DirectoryEntries
{
    private const int BufferLength = 64 * 1024;

    [ThreadStatic]
    private static byte[]? t_buffer;

    private readonly int _directory;
    private readonly Span<byte> _buffer;
    private Span<byte> _rest;

    private DirectoryEntries(int directory, int length)
    {
        _directory = directory;
        _buffer = (t_buffer ??= new byte[BufferLength]).AsSpan(0, Math.Clamp(length, 512, BufferLength));   // 280 bytes or more: at least one entry
    }

    /// <summary>The errno of a call that failed; 0: none has failed.</summary>
    public int Errno { get; private set; }

    /// <summary>The remaining entries; a thread reads one directory at a time.</summary>
    /// <param name="directory">A descriptor of it.</param>
    /// <param name="atATime">How many bytes of entries to ask the kernel for at a time: no more than are needed.</param>
    public static DirectoryEntries Of(int directory, int atATime = BufferLength) => new(directory, atATime);

    /// <summary>Reads the next entry.</summary>
    /// <returns>False after the last one, and if the call failed.</returns>
    public bool Next(out DirectoryEntry entry)
    {
        entry = default;
        if (_rest.IsEmpty)
        {
            Interop.SyscallResult read = getdents64(_directory, _buffer);
            Errno = read.Errno;
            if (read.Value <= 0)
                return false;
            _rest = _buffer[..(int)read.Value];
        }

        int length = BinaryPrimitives.ReadUInt16LittleEndian(_rest[DirectoryEntry.LengthOffset..]);
        entry = new(_rest[..length]);
        _rest = _rest[length..];
        return true;
    }
}

/// <summary>A struct dirent64. It is valid until the next one is read.</summary>
internal readonly ref struct DirectoryEntry(ReadOnlySpan<byte> entry)
{
    /// <summary>The offset of d_reclen.</summary>
    public const int LengthOffset = 16;

    private const int TypeOffset = 18, NameOffset = 19;
    private const byte Unknown = 0, Directory = 4;   // DT_UNKNOWN, DT_DIR

    private readonly ReadOnlySpan<byte> _entry = entry;

    /// <summary>The inode.</summary>
    public ulong Inode => MemoryMarshal.Read<ulong>(_entry);

    /// <summary>The position of the next entry, for lseek(2).</summary>
    public long Next => MemoryMarshal.Read<long>(_entry[sizeof(ulong)..]);

    /// <summary>The name, with a NUL at its end.</summary>
    public ReadOnlySpan<byte> Name
    {
        get
        {
            ReadOnlySpan<byte> name = _entry[NameOffset..];
            return name[..(name.IndexOf((byte)0) + 1)];
        }
    }

    /// <summary>Whether it is "." or "..".</summary>
    public bool IsDot => FileName.IsDots(Name[..^1]);

    /// <summary>Whether it is a directory, or of a type that the file system does not report.</summary>
    public bool MayBeDirectory => _entry[TypeOffset] is Unknown or Directory;
}
