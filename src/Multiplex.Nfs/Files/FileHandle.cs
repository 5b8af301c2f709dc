using System.Buffers.Binary;
using Multiplex.Nfs.Protocol;

namespace Multiplex.Nfs.Files;

/// <summary>
/// The layout of a handle, at most 64 bytes: the form (1), the type of the kernel's handle (1), zero (2), the export's id (4), the inode (8), the file's
/// identity, and an authentication code of all that and of the file system's id under the server's key (8). A client cannot forge one.
/// </summary>
internal static class FileHandle
{
    /// <summary>The most bytes of a handle.</summary>
    public const int MaxLength = Nfs3Constants.Nfs3Fhsize;

    /// <summary>The most bytes of a file's identity.</summary>
    public const int MaxIdentity = MaxLength - HeadLength - CodeLength;

    private const int HeadLength = 16, CodeLength = 8;

    /// <summary>Writes a handle.</summary>
    /// <param name="handle">Receives the handle.</param>
    /// <param name="form">How the handle identifies the file.</param>
    /// <param name="type">The type of the kernel's handle, for <see cref="HandleForm.Kernel"/>.</param>
    /// <param name="export">The export's id.</param>
    /// <param name="inode">The file's inode.</param>
    /// <param name="identity">The file's identity.</param>
    /// <param name="key">The server's key.</param>
    /// <param name="fileSystem">The file system's id.</param>
    /// <returns>The handle's length in bytes.</returns>
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

    /// <summary>How the handle identifies the file.</summary>
    public static HandleForm FormOf(ReadOnlySpan<byte> handle) => (HandleForm)handle[0];

    /// <summary>The type of the kernel's handle.</summary>
    public static int TypeOf(ReadOnlySpan<byte> handle) => handle[1];

    /// <summary>The export's id.</summary>
    public static uint ExportOf(ReadOnlySpan<byte> handle) => BinaryPrimitives.ReadUInt32BigEndian(handle[4..]);

    /// <summary>The file's inode.</summary>
    public static ulong InodeOf(ReadOnlySpan<byte> handle) => BinaryPrimitives.ReadUInt64BigEndian(handle[8..]);

    /// <summary>The file's identity.</summary>
    public static ReadOnlySpan<byte> IdentityOf(ReadOnlySpan<byte> handle) => handle[HeadLength..^CodeLength];

    /// <summary>Whether a server with this key has made it, for a file of this file system.</summary>
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

/// <summary>How a handle identifies its file.</summary>
internal enum HandleForm : byte
{
    /// <summary>By the kernel's handle, name_to_handle_at(2): the file system finds the file whatever its name is.</summary>
    Kernel = 0xA1,

    /// <summary>By its inode and the time when it was made: the file is searched for in the export.</summary>
    Inode = 0xA2,
}
