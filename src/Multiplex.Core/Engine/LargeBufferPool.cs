using System.Buffers;
using System.Numerics;
using Multiplex.Sockets;

namespace Multiplex.Engine;

/// <summary>
/// The arrays of long requests and replies, which all connections of a process share. As many bytes stay for the next that need some as
/// are in use, and a few, so that nothing is allocated once they are warm; what many connections needed goes back to the kernel when they close, and what
/// no connection needed for some seconds by <see cref="DropUnneeded"/>. Short arrays are those of <see cref="ArrayPool{T}.Shared"/>.
/// </summary>
internal sealed class LargeBufferPool : ArrayPool<byte>
{
    /// <summary>The pool of this process.</summary>
    public static readonly LargeBufferPool Pool = new();

    /// <summary>Bytes of the longest array that is no long one.</summary>
    public const int LongestShort = 64 * 1024;

    /// <summary>How long an array must not have been needed before <see cref="DropUnneeded"/> drops it, in milliseconds.</summary>
    public const int UnneededAfter = 3000;

    private const long AlwaysKept = 8 << 20;        // bytes, of all of them
    private const long CollectedAfter = 16 << 20;   // bytes that were dropped: no allocation may follow that has the collector run by itself

    private readonly Stack<byte[]>[] _kept = [.. Enumerable.Range(0, 33).Select(_ => new Stack<byte[]>())];   // by size class
    private readonly Lock _lock = new();
    private long _usedBytes;
    private long _keptBytes;
    private long _leastKeptBytes;   // since the last look: so many were never needed
    private long _lookedAt;
    private long _droppedBytes;

    /// <inheritdoc/>
    public override byte[] Rent(int minimumLength)
    {
        if (minimumLength <= LongestShort)
            return Shared.Rent(minimumLength);
        int length = LengthFor(minimumLength);
        lock (_lock)
        {
            _usedBytes += length;
            if (_kept[ClassOf(length)].TryPop(out byte[]? kept))
            {
                _keptBytes -= length;
                _leastKeptBytes = Math.Min(_leastKeptBytes, _keptBytes);
                return kept;
            }
        }

        return GC.AllocateUninitializedArray<byte>(length);
    }

    /// <inheritdoc/>
    public override void Return(byte[] array, bool clearArray = false)
    {
        if (clearArray)
            Array.Clear(array);
        if (array.Length <= LongestShort)
        {
            Shared.Return(array);
            return;
        }

        lock (_lock)
        {
            _usedBytes -= array.Length;
            _kept[ClassOf(array.Length)].Push(array);
            _keptBytes += array.Length;
            DropDownTo(Math.Max(AlwaysKept, _usedBytes));
            if (_droppedBytes < CollectedAfter)
                return;
            _droppedBytes = 0;
        }

        Collect();
    }

    /// <summary>Whether none is kept.</summary>
    public bool IsEmpty => Volatile.Read(ref _keptBytes) == 0;

    /// <summary>Gives back to the kernel what was kept and not needed since the last look. For threads that call it now and then; it looks every <see cref="UnneededAfter"/>.</summary>
    /// <param name="now">Milliseconds of <see cref="Environment.TickCount64"/>.</param>
    /// <returns>Whether there was any.</returns>
    public bool DropUnneeded(long now)
    {
        if (now - Volatile.Read(ref _lookedAt) < UnneededAfter)
            return false;
        lock (_lock)
        {
            if (now - _lookedAt < UnneededAfter)
                return false;   // another thread has looked meanwhile
            Volatile.Write(ref _lookedAt, now);
            DropDownTo(_keptBytes - _leastKeptBytes);
            _leastKeptBytes = _keptBytes;
            if (_droppedBytes == 0)
                return false;
            _droppedBytes = 0;
        }

        Collect();
        return true;
    }

    /// <summary>Keeps none: for a process that is one of many, each with a pool of its own.</summary>
    public void Trim()
    {
        lock (_lock)
        {
            DropDownTo(0);
            if (_droppedBytes == 0)
                return;
            _droppedBytes = 0;
        }

        Collect();
    }

    // The longest first: there are fewest of them.
    private void DropDownTo(long bytes)
    {
        for (int size = _kept.Length - 1; size >= 0 && _keptBytes > bytes; size--)
        {
            while (_keptBytes > bytes && _kept[size].TryPop(out byte[]? dropped))
            {
                _keptBytes -= dropped.Length;
                _droppedBytes += dropped.Length;
            }
        }

        _leastKeptBytes = Math.Min(_leastKeptBytes, _keptBytes);
    }

    private static void Collect() => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);

    // Powers of two; and the longest usual request, which needs little more than one of them.
    private static int LengthFor(int minimum) => minimum is > MessageSize.LongestTaken / 2 and <= MessageSize.LongestTaken
        ? MessageSize.LongestTaken
        : minimum > 1 << 30 ? Array.MaxLength : (int)BitOperations.RoundUpToPowerOf2((uint)minimum);

    private static int ClassOf(int length) => length == MessageSize.LongestTaken ? 0 : BitOperations.Log2((uint)length) + 1;
}
