using System.Buffers.Binary;
using Multiplex.Nfs.Protocol;

namespace Multiplex.Nfs.Files;

/// <summary>
/// The layout of a handle, at most 64 bytes: how the file is known (1), the type of the kernel's handle (1), zero (2), the export's id (4), the inode (8), what
/// the file is known by, and a code of all that and the file system's id under the server's key (8). A client cannot make one.
/// </summary>
internal static class FileHandle
{
    /// <summary>The most bytes of a handle.</summary>
    public const int MaxLength = Nfs3Constants.Nfs3Fhsize;

    /// <summary>The most bytes that a file may be known by.</summary>
    public const int MaxIdentity = MaxLength - HeadLength - CodeLength;

    private const int HeadLength = 16, CodeLength = 8;

    /// <summary>Writes a handle.</summary>
    /// <param name="handle">Receives it.</param>
    /// <param name="form">How the file is known.</param>
    /// <param name="type">The type of the kernel's handle, of <see cref="HandleForm.Kernel"/>.</param>
    /// <param name="export">The export's id.</param>
    /// <param name="inode">The file's inode.</param>
    /// <param name="identity">What the file is known by.</param>
    /// <param name="key">The server's key.</param>
    /// <param name="fileSystem">The file system's id.</param>
    /// <returns>How many bytes it has.</returns>
    public static int Write(
        Span<byte> handle, HandleForm form, byte type, uint export, ulong inode, ReadOnlySpan<byte> identity, ReadOnlySpan<byte> key, ulong fileSystem)
    {
        int end = HeadLength + identity.Length;
        handle[0] = (byte)form;
        handle[1] = type;
        handle[2] = handle[3] = 0;
        BinaryPrimitives.WriteUInt32BigEndian(handle[4..], export);
        BinaryPrimitives.WriteUInt64BigEndian(handle[8..], inode);
        identity.CopyTo(handle[HeadLength..]);
        BinaryPrimitives.WriteUInt64LittleEndian(handle[end..], Code(handle[..end], key, fileSystem));
        return end + CodeLength;
    }

    /// <summary>Whether the bytes have the layout of a handle; whether this server made it, <see cref="IsGenuine"/> says.</summary>
    public static bool IsWellFormed(ReadOnlySpan<byte> handle) =>
        handle.Length is > HeadLength + CodeLength and <= MaxLength && (HandleForm)handle[0] is HandleForm.Kernel or HandleForm.Inode && (handle[2] | handle[3]) == 0;

    /// <summary>How the file is known.</summary>
    public static HandleForm FormOf(ReadOnlySpan<byte> handle) => (HandleForm)handle[0];

    /// <summary>The type of the kernel's handle.</summary>
    public static int TypeOf(ReadOnlySpan<byte> handle) => handle[1];

    /// <summary>The export's id.</summary>
    public static uint ExportOf(ReadOnlySpan<byte> handle) => BinaryPrimitives.ReadUInt32BigEndian(handle[4..]);

    /// <summary>The file's inode.</summary>
    public static ulong InodeOf(ReadOnlySpan<byte> handle) => BinaryPrimitives.ReadUInt64BigEndian(handle[8..]);

    /// <summary>What the file is known by.</summary>
    public static ReadOnlySpan<byte> IdentityOf(ReadOnlySpan<byte> handle) => handle[HeadLength..^CodeLength];

    /// <summary>Whether a server with this key made it, for a file of this file system.</summary>
    public static bool IsGenuine(ReadOnlySpan<byte> handle, ReadOnlySpan<byte> key, ulong fileSystem) =>
        BinaryPrimitives.ReadUInt64LittleEndian(handle[^CodeLength..]) == Code(handle[..^CodeLength], key, fileSystem);

    private static ulong Code(ReadOnlySpan<byte> body, ReadOnlySpan<byte> key, ulong fileSystem)
    {
        Span<byte> message = stackalloc byte[sizeof(ulong) + MaxLength];
        BinaryPrimitives.WriteUInt64LittleEndian(message, fileSystem);
        body.CopyTo(message[sizeof(ulong)..]);
        return SipHash.Of(key, message[..(sizeof(ulong) + body.Length)]);
    }
}

/// <summary>How a handle knows its file.</summary>
internal enum HandleForm : byte
{
    /// <summary>By the kernel's handle, name_to_handle_at(2): the file system finds it again whatever its name becomes.</summary>
    Kernel = 0xA1,

    /// <summary>By its inode and the time at which that was made: it is looked for in the export.</summary>
    Inode = 0xA2,
}
