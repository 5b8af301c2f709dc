using System.Buffers;

namespace Multiplex.Uring;

/// <summary>Reads and writes files on a loop's ring: what is in memory at once, and for all else the kernel's own threads wait.</summary>
internal sealed unsafe class RingFiles(Ring ring, SubmissionQueue submissions) : AsyncFiles
{
    private readonly List<(IFileOperation? Operation, MemoryHandle Memory)> _slots = [];
    private readonly Stack<int> _free = [];

    /// <summary>How many operations the kernel has not completed.</summary>
    public int InProgress => _slots.Count - _free.Count;

    /// <inheritdoc/>
    public override void Read(int fd, Memory<byte> buffer, long offset, IFileOperation operation)
    {
        MemoryHandle memory = buffer.Pin();
        submissions.Read(fd, (byte*)memory.Pointer, buffer.Length, offset, SlotFor(operation, memory));
    }

    /// <inheritdoc/>
    public override void Write(int fd, ReadOnlyMemory<byte> data, long offset, IFileOperation operation)
    {
        MemoryHandle memory = data.Pin();
        submissions.Write(fd, (byte*)memory.Pointer, data.Length, offset, SlotFor(operation, memory));
        ring.Submit();   // the kernel takes the user of the thread when it takes the operation
    }

    /// <inheritdoc/>
    public override void Sync(int fd, IFileOperation operation) => submissions.Sync(fd, SlotFor(operation, default));

    /// <summary>An operation has ended.</summary>
    /// <param name="slot">Which.</param>
    /// <param name="result">The count, or the negative errno.</param>
    public void OnCompleted(int slot, int result)
    {
        (IFileOperation? operation, MemoryHandle memory) = _slots[slot];
        memory.Dispose();
        _slots[slot] = default;
        _free.Push(slot);
        operation!.Completed(result);
    }

    private int SlotFor(IFileOperation operation, MemoryHandle memory)
    {
        if (_free.TryPop(out int slot))
        {
            _slots[slot] = (operation, memory);
            return slot;
        }

        _slots.Add((operation, memory));
        return _slots.Count - 1;
    }
}
