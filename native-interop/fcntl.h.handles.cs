using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// name_to_handle_at(2), open_by_handle_at(2)
public static unsafe partial class Libc
{
    /// <summary>The greatest length of a handle of any file system, in bytes.</summary>
    public const int MAX_HANDLE_SZ = 128;

    /// <summary>name_to_handle_at(2): the file system's own identifier of a file, which does not change when the file is renamed.</summary>
    /// <param name="dirfd">The directory; or with an empty path and AT_EMPTY_PATH the file.</param>
    /// <param name="path">The file, with a NUL at its end. A symbolic link is not followed.</param>
    /// <param name="handle">Receives the handle's bytes.</param>
    /// <param name="length">How many they are, or with EOVERFLOW would be.</param>
    /// <param name="type">The handle's type, which only the file system interprets.</param>
    /// <param name="mount">The id of the mount that the file is on.</param>
    /// <param name="flags">AT_EMPTY_PATH.</param>
    /// <returns>0, or the negative errno: EOPNOTSUPP where the file system has no handles, EOVERFLOW when there are more bytes than room.</returns>
    public static SyscallResult name_to_handle_at(
        int dirfd, ReadOnlySpan<byte> path, Span<byte> handle, out int length, out int type, out int mount, int flags)
    {
        uint* room = stackalloc uint[2 + (MAX_HANDLE_SZ / sizeof(uint))];   // struct file_handle, with its flexible array
        file_handle* head = (file_handle*)room;
        head->handle_bytes = (uint)Math.Min(handle.Length, MAX_HANDLE_SZ);
        int id = 0;
        fixed (byte* name = path)
        {
            SyscallResult result = SyscallResult.Of(Raw.name_to_handle_at(dirfd, name, head, &id, flags));
            length = (int)head->handle_bytes;
            type = head->handle_type;
            mount = id;
            if (!result.IsError)
                new ReadOnlySpan<byte>(head + 1, length).CopyTo(handle);
            return result;
        }
    }

    /// <summary>open_by_handle_at(2): opens the file of a handle. It takes CAP_DAC_READ_SEARCH.</summary>
    /// <param name="mount">A descriptor of any file on the file system; not one that O_PATH made.</param>
    /// <param name="handle">The handle's bytes, at most MAX_HANDLE_SZ.</param>
    /// <param name="type">The handle's type.</param>
    /// <param name="flags">O_ flags.</param>
    /// <returns>The descriptor, or the negative errno: ESTALE when there is no such file any more.</returns>
    public static SyscallResult open_by_handle_at(int mount, ReadOnlySpan<byte> handle, int type, int flags)
    {
        uint* room = stackalloc uint[2 + (MAX_HANDLE_SZ / sizeof(uint))];
        file_handle* head = (file_handle*)room;
        head->handle_bytes = (uint)handle.Length;
        head->handle_type = type;
        handle.CopyTo(new Span<byte>(head + 1, MAX_HANDLE_SZ));
        SyscallResult result;
        do
        {
            result = SyscallResult.Of(Raw.open_by_handle_at(mount, head, flags));
        }
        while (result.Is(EINTR));
        return result;
    }

    /// <summary>The head of a handle; its bytes follow.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct file_handle
    {
        public uint handle_bytes;
        public int handle_type;
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int name_to_handle_at(int dirfd, byte* pathname, Libc.file_handle* handle, int* mount_id, int flags);

    [LibraryImport(LibraryName)]
    public static partial int open_by_handle_at(int mount_fd, Libc.file_handle* handle, int flags);
}
