using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex;

/// <summary>
/// A mapping that a process shares with the children it forks, MAP_SHARED of mmap(2): what one writes, all read.
/// With a file behind it, other programs can map it too.
/// </summary>
public sealed unsafe class SharedMemory : IDisposable
{
    private readonly nuint _length;
    private void* _address;
    private int _descriptor = -1;

    /// <summary>Maps <paramref name="length"/> zero bytes.</summary>
    /// <param name="length">Bytes.</param>
    /// <param name="path">The file to keep them in, made anew; null keeps them in memory only.</param>
    /// <param name="prepare">Writes what must be in the file before another process sees it; null leaves it zero.</param>
    /// <exception cref="SyscallException">The file or the mapping was refused.</exception>
    public SharedMemory(int length, string? path = null, Action<SharedMemory>? prepare = null)
    {
        _length = (nuint)length;
        if (path is null)
        {
            _address = mmap(_length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
            prepare?.Invoke(this);
            return;
        }

        // Made under another name and then moved into place: a process that has mapped an older file of this name keeps it whole,
        // and none ever maps one that is too short, which would be SIGBUS at the first look. In a directory that others may write to
        // the other name must be new: O_EXCL follows no link.
        string temporary = $"{path}.{Guid.NewGuid():N}";
        int fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0x180 /* rw------- */).OrThrow("open", temporary);
        try
        {
            // Not ftruncate(2): a hole in a file system that is full is SIGBUS at the first write to the mapping.
            posix_fallocate(fd, 0, length).OrThrow("posix_fallocate", temporary);
            _address = mmap(_length, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
            prepare?.Invoke(this);
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            unlink(temporary);
            throw;
        }
        finally
        {
            close(fd);
        }
    }

    private SharedMemory(void* address, nuint length)
    {
        _address = address;
        _length = length;
    }

    /// <summary>The bytes.</summary>
    public Span<byte> Bytes => new(_address, (int)_length);

    /// <summary>The file that it is kept in, if that is in memory only; else -1.</summary>
    internal int Descriptor => _descriptor;

    /// <summary>A 64-bit word of it, at an offset in bytes that is a multiple of eight.</summary>
    public ref long Word(int offset)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((nuint)offset, _length, nameof(offset));
        return ref *(long*)((byte*)_address + offset);
    }

    /// <summary>Maps zero bytes of a file that is in memory only; another process of the same user finds it in /proc/PID/fd by its name.</summary>
    /// <param name="name">The name, for memfd_create(2).</param>
    /// <param name="length">Bytes.</param>
    /// <exception cref="SyscallException">The file or the mapping was refused.</exception>
    public static SharedMemory InMemoryFile(string name, int length)
    {
        int fd = memfd_create(name, MFD_CLOEXEC).OrThrow("memfd_create", name);
        try
        {
            ftruncate(fd, length).OrThrow("ftruncate", name);
            return new(mmap((nuint)length, PROT_READ | PROT_WRITE, MAP_SHARED, fd), (nuint)length) { _descriptor = fd };
        }
        catch
        {
            close(fd);
            throw;
        }
    }

    /// <summary>Maps the file of a descriptor, which belongs to the mapping from then on.</summary>
    /// <returns>Null if it has another length; the descriptor is still the caller's then.</returns>
    /// <exception cref="SyscallException">It is no file, or the mapping was refused.</exception>
    internal static SharedMemory? OfFile(int descriptor, int length) => lseek(descriptor, 0, SEEK_END).OrThrow("lseek") != length
        ? null
        : new(mmap((nuint)length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor), (nuint)length) { _descriptor = descriptor };

    /// <summary>Maps a file that another process keeps its memory in, for reading.</summary>
    /// <exception cref="SyscallException">The file or the mapping was refused.</exception>
    /// <exception cref="IOException">The file is too short.</exception>
    public static SharedMemory OpenReadOnly(string path, int length)
    {
        int fd = open(path, O_RDONLY | O_CLOEXEC).OrThrow("open", path);
        try
        {
            // To read a mapping past the end of its file is SIGBUS, which ends the process.
            if (lseek(fd, 0, SEEK_END).OrThrow("lseek", path) < length)
                throw new IOException($"{path} has fewer than {length} bytes");
            return new(mmap((nuint)length, PROT_READ, MAP_SHARED, fd), (nuint)length);
        }
        finally
        {
            close(fd);
        }
    }

    /// <summary>Unmaps it, where a thread may still have used it when its owner was done.</summary>
    ~SharedMemory() => Dispose();

    /// <summary>Unmaps it, and leaves its file open.</summary>
    internal void Unmap()
    {
        _descriptor = -1;
        Dispose();
    }

    /// <summary>Unmaps it. <see cref="Bytes"/> must not be used afterwards.</summary>
    public void Dispose()
    {
        GC.SuppressFinalize(this);
        if (_address != null)
            munmap(_address, _length);
        if (_descriptor >= 0)
            close(_descriptor);
        _address = null;
        _descriptor = -1;
    }
}
