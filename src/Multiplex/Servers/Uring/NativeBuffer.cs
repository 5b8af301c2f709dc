using System.Runtime.InteropServices;

namespace Multiplex.Servers.Uring;

/// <summary>
/// Bytes that are appended at the end and consumed at the front, outside of the managed heap: they stay where they are
/// while the kernel reads them. Owns memory only while there are any. A field, not to be copied.
/// </summary>
internal unsafe struct NativeBuffer
{
    private const int Least = 256;
    private byte* _memory;
    private int _capacity;
    private int _start;
    private int _end;

    /// <summary>How many bytes are in it.</summary>
    public readonly int Length => _end - _start;

    /// <summary>The first of them; valid until the next change.</summary>
    public readonly byte* First => _memory + _start;

    /// <summary>The bytes in it; valid until the next change.</summary>
    public readonly ReadOnlySpan<byte> Bytes => new(First, Length);

    /// <summary>Appends these bytes, which are not its own.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return;
        if (_capacity - _end < bytes.Length)
            MakeRoom(bytes.Length);
        bytes.CopyTo(new Span<byte>(_memory + _end, bytes.Length));
        _end += bytes.Length;
    }

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
        NativeMemory.Free(_memory);
        this = default;
    }

    // Doubles, so that memory follows the bytes that came; what has been consumed at the front is room first.
    private void MakeRoom(int more)
    {
        int needed = checked(Length + more);
        if (needed > _capacity / 2)
        {
            _capacity = (int)Math.Clamp(2L * needed, Least, Array.MaxLength);
            byte* larger = (byte*)NativeMemory.Alloc((nuint)_capacity);
            Bytes.CopyTo(new Span<byte>(larger, _capacity));
            NativeMemory.Free(_memory);
            (_end, _start) = (Length, 0);
            _memory = larger;
            return;
        }

        Bytes.CopyTo(new Span<byte>(_memory, _capacity));
        (_end, _start) = (Length, 0);
    }
}
