namespace Multiplex;

/// <summary>
/// Reads and writes files without having the calling thread wait for disks: of models whose loop can do that, io_uring(7). A protocol that uses it answers later:
/// <see cref="LateReply"/>.
/// </summary>
public abstract class AsyncFiles
{
    [ThreadStatic]
    private static AsyncFiles? t_ofThisThread;

    /// <summary>That of the calling thread's loop; null: on its model a thread waits for files.</summary>
    public static AsyncFiles? OfThisThread
    {
        get => t_ofThisThread;
        internal set => t_ofThisThread = value;
    }

    /// <summary>Reads as pread(2) does. The buffer is the kernel's until the operation is completed.</summary>
    public abstract void Read(int fd, Memory<byte> buffer, long offset, IFileOperation operation);

    /// <summary>Writes as pwrite(2) does, as the user that the thread has now. The data stay as they are until the operation is completed.</summary>
    public abstract void Write(int fd, ReadOnlyMemory<byte> data, long offset, IFileOperation operation);

    /// <summary>fsync(2).</summary>
    public abstract void Sync(int fd, IFileOperation operation);
}

/// <summary>What is told when the kernel has done something with a file.</summary>
public interface IFileOperation
{
    /// <summary>It has. On the thread that began it.</summary>
    /// <param name="result">How many bytes were read or written, 0 of fsync(2); or the negative errno.</param>
    void Completed(int result);
}
