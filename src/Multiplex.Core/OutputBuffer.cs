using Multiplex.Engine;

namespace Multiplex;

/// <summary>
/// Bytes to be sent, appended at the end. Grows as needed and keeps its array, so that a loop that reuses one
/// allocates nothing once it is warm.
/// </summary>
/// <param name="capacity">How many bytes it has room for at first.</param>
public sealed class OutputBuffer(int capacity = OutputBuffer.UsualCapacity)
{
    /// <summary>How large a buffer of replies may stay between batches. A longer one goes to those that all share, where the next batch finds it.</summary>
    public const int UsuallyKept = LargeBufferPool.LongestShort;

    private const int UsualCapacity = 4096;
    private readonly int _capacity = capacity;
    private byte[] _bytes = new byte[capacity];
    private byte[]? _short;   // what _bytes was before it became a long one

    /// <summary>How many bytes are in it.</summary>
    public int Length { get; private set; }

    /// <summary>The bytes in it, until the next append.</summary>
    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    /// <summary>How many bytes more it takes before it has to grow.</summary>
    public int Room => _bytes.Length - Length;

    /// <summary>Left in the place of a reply that comes later; null otherwise. The caller of the protocol takes it before it asks for the next reply.</summary>
    public LateReply? Late { get; set; }

    /// <summary>When the last reply in it was made, in ticks of <see cref="System.Diagnostics.Stopwatch"/>, where calls are timed; 0: not known.</summary>
    internal long MadeAt { get; set; }

    /// <summary>Makes room for at least <paramref name="size"/> more bytes.</summary>
    public void EnsureRoom(int size)
    {
        if (Room < size)
            Grow(size);
    }

    /// <summary>Appends so many bytes, whose content is the caller's to fill in: all of them, for they may hold anything.</summary>
    public Span<byte> Append(int count)
    {
        int start = Length;
        if ((uint)count > (uint)(_bytes.Length - start))
            Grow(count);
        Length = start + count;
        return _bytes.AsSpan(start, count);
    }

    /// <summary>Appends these bytes.</summary>
    public void Write(ReadOnlySpan<byte> data) => data.CopyTo(Append(data.Length));

    /// <summary>Bytes that were written earlier, to be changed in place.</summary>
    public Span<byte> Rewrite(int offset, int count) => _bytes.AsSpan(0, Length).Slice(offset, count);

    /// <summary>The same, for what fills it in later: nothing is appended until then.</summary>
    public Memory<byte> RewriteLater(int offset, int count) => _bytes.AsMemory(0, Length).Slice(offset, count);

    /// <summary>Forgets what was appended after the first <paramref name="length"/> bytes.</summary>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)Length, nameof(length));
        Length = length;
    }

    /// <summary>Takes what was left in the place of a reply.</summary>
    internal LateReply? TakeLate()
    {
        LateReply? late = Late;
        Late = null;
        return late;
    }

    /// <summary>Empties the buffer; gives an array back that has grown beyond <paramref name="keep"/> bytes.</summary>
    public void Clear(int keep = int.MaxValue)
    {
        Length = 0;
        MadeAt = 0;
        if (_bytes.Length <= keep)
            return;
        if (_bytes.Length > LargeBufferPool.LongestShort)
            LargeBufferPool.Pool.Return(_bytes);
        else
            _short = null;
        _bytes = _short ?? new byte[_capacity];
    }

    private void Grow(int size)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        int needed = checked(Length + size);
        int larger = (int)Math.Max(needed, Math.Min(2L * _bytes.Length, Array.MaxLength));
        byte[] before = _bytes;
        _bytes = larger > LargeBufferPool.LongestShort ? LargeBufferPool.Pool.Rent(larger) : new byte[larger];
        before.AsSpan(0, Length).CopyTo(_bytes);
        if (before.Length > LargeBufferPool.LongestShort)
            LargeBufferPool.Pool.Return(before);
        else if (_bytes.Length > LargeBufferPool.LongestShort)
            _short = before;
    }
}
