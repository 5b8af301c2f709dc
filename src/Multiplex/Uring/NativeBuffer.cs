using System.Runtime.InteropServices;

namespace Multiplex.Uring;

/// <summary>
/// Bytes that are appended at the end and consumed at the front, outside of the managed heap: they stay where they are
/// while the kernel reads or writes them. Owns memory only while there are any. A field, not to be copied.
/// </summary>
internal unsafe struct NativeBuffer(LongBlocks blocks)
{
    private const int Least = 256;
    private byte* _memory;
    private int _capacity;
    private int _start;
    private int _end;

    /// <summary>How many bytes are in it.</summary>
    public readonly int Length => _end - _start;

    /// <summary>Bytes of memory that they take.</summary>
    public readonly int Memory => _capacity;

    /// <summary>The first of them; valid until the next change.</summary>
    public readonly byte* First => _memory + _start;

    /// <summary>The bytes in it; valid until the next change.</summary>
    public readonly ReadOnlySpan<byte> Bytes => new(First, Length);

    /// <summary>Appends these bytes, which are not its own.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return;
        Reserve(bytes.Length);
        bytes.CopyTo(new Span<byte>(_memory + _end, bytes.Length));
        _end += bytes.Length;
    }

    /// <summary>Room behind the bytes, for others to write to; what they have written counts after <see cref="Extend"/>.</summary>
    /// <param name="least">How much it is to be, in bytes.</param>
    /// <param name="length">How much it is.</param>
    public byte* Room(int least, out int length)
    {
        Reserve(least);
        length = _capacity - _end;
        return _memory + _end;
    }

    /// <summary>So many bytes have been written to <see cref="Room"/>.</summary>
    public void Extend(int count) => _end += count;

    /// <summary>Removes so many bytes from the front.</summary>
    public void Consume(int count)
    {
        _start += count;
        if (_start == _end)
            Free();
    }

    /// <summary>Forgets all bytes and gives the memory back.</summary>
    public void Free()
    {
        if (_capacity == LongBlocks.Size)
            blocks.GiveBack(_memory);
        else
            NativeMemory.Free(_memory);
        _memory = null;
        _capacity = _start = _end = 0;
    }

    // What has been consumed at the front is room first.
    private void Reserve(int more)
    {
        if (_capacity - _end >= more)
            return;
        int needed = checked(Length + more);
        if (needed > _capacity / 2 && (_capacity != LongBlocks.Size || needed > LongBlocks.Size))
        {
            Grow(needed);
            return;
        }

        Bytes.CopyTo(new Span<byte>(_memory, _capacity));
        (_end, _start) = (Length, 0);
    }

    // Doubles, so that memory follows the bytes that came.
    private void Grow(int needed)
    {
        bool isLong = needed is >= LongBlocks.Least and <= LongBlocks.Size;
        int capacity = isLong ? LongBlocks.Size : (int)Math.Clamp(2L * needed, Least, Array.MaxLength);
        byte* larger = isLong ? blocks.Take() : (byte*)NativeMemory.Alloc((nuint)capacity);
        int length = Length;
        Bytes.CopyTo(new Span<byte>(larger, capacity));
        Free();
        _memory = larger;
        (_capacity, _end) = (capacity, length);
    }
}
