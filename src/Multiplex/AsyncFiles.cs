namespace Multiplex;

/// <summary>
/// Reads and writes files without blocking the calling thread, on models whose loop can, io_uring(7). A protocol that uses it answers later:
/// <see cref="LateReply"/>.
/// </summary>
public abstract class AsyncFiles
{
    [ThreadStatic]
    private static AsyncFiles? t_ofThisThread;

    /// <summary>The one of the calling thread's loop; null: on its model a thread blocks for files.</summary>
    public static AsyncFiles? OfThisThread
    {
        get => t_ofThisThread;
        internal set => t_ofThisThread = value;
    }

    /// <summary>Reads as pread(2) does. The buffer must not be used until the operation is completed.</summary>
    public abstract void Read(int fd, Memory<byte> buffer, long offset, IFileOperation operation);

    /// <summary>Writes as pwrite(2) does, as the user that the thread has now. The data must not change until the operation is completed.</summary>
    public abstract void Write(int fd, ReadOnlyMemory<byte> data, long offset, IFileOperation operation);

    /// <summary>fsync(2).</summary>
    public abstract void Sync(int fd, IFileOperation operation);
}

/// <summary>What is called when the kernel has completed an operation on a file.</summary>
public interface IFileOperation
{
    /// <summary>Called on the thread that began the operation.</summary>
    /// <param name="result">How many bytes were read or written, 0 for fsync(2); or the negative errno.</param>
    void Completed(int result);
}
