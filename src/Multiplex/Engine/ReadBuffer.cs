using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Multiplex.Sockets;

namespace Multiplex.Engine;

/// <summary>
/// Bytes of a stream that were received and are not answered: half a request, or requests that wait. Holds memory only
/// while there are any.
/// </summary>
internal struct ReadBuffer
{
    /// <summary>The least room behind long requests to receive more into.</summary>
    private const int LeastRoom = 16 * 1024;

    private const int LeastHeld = 256;   // bytes of an array: short remainders share the pool's arrays, whatever their length

    private byte[]? _bytes;

    /// <summary>How many bytes there are.</summary>
    public int Length { get; private set; }

    /// <summary>Bytes of memory that they take.</summary>
    public readonly int Memory => _bytes?.Length ?? 0;

    /// <summary>The bytes, until the next change.</summary>
    public readonly ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, Length);

    /// <summary>
    /// Where to receive to. A short remainder of the last read is put before the next one, in the loop's buffer: a
    /// stream of pipelined requests is read in large pieces, wherever they end. A long one is collected in its own array.
    /// </summary>
    /// <returns>The room behind the bytes held.</returns>
    public Span<byte> BufferForMore(byte[] loopBuffer)
    {
        if (Length <= loopBuffer.Length / 2)
        {
            Bytes.CopyTo(loopBuffer);
            return loopBuffer.AsSpan(Length);
        }

        if (_bytes!.Length - Length < LeastRoom)
            Grow(Length + LeastRoom);
        return _bytes.AsSpan(Length);
    }

    /// <summary>The bytes held and so many more, which have been received into what <see cref="BufferForMore"/> has returned.</summary>
    /// <param name="count">How many more.</param>
    /// <param name="loopBuffer">The loop's buffer.</param>
    /// <param name="isFull">Receives whether they fill the buffer, so that still more may have come.</param>
    public readonly ReadOnlySpan<byte> With(int count, byte[] loopBuffer, out bool isFull)
    {
        byte[] buffer = Length <= loopBuffer.Length / 2 ? loopBuffer : _bytes!;
        isFull = Length + count == buffer.Length;
        return buffer.AsSpan(0, Length + count);
    }

    /// <summary>The bytes held and these, which are in another buffer, in one piece.</summary>
    public ReadOnlySpan<byte> With(ReadOnlySpan<byte> bytes, byte[] loopBuffer)
    {
        if (Length == 0)
            return bytes;
        if (bytes.TryCopyTo(BufferForMore(loopBuffer)))
            return With(bytes.Length, loopBuffer, out _);
        Append(bytes);
        return Bytes;
    }

    /// <summary>
    /// Gives away the array that a long request has gathered in, for the caller to return to the pool. The other bytes in it are
    /// not held any more, and stay where they are until then.
    /// </summary>
    /// <param name="request">The first of the bytes held.</param>
    /// <returns>The array, which begins with the request; null when the request stands elsewhere, or is the least of what is there.</returns>
    public byte[]? GiveAway(ReadOnlySpan<byte> request)
    {
        if (!IsAtTheFront(request) || request.Length < _bytes.Length / 4)
            return null;
        byte[] array = _bytes;
        this = default;
        return array;
    }

    /// <summary>Adds these bytes, which are in another buffer.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (_bytes is null || _bytes.Length - Length < bytes.Length)
            Grow(Length + bytes.Length);
        bytes.CopyTo(_bytes.AsSpan(Length));
        Length += bytes.Length;
    }

    /// <summary>Replaces the bytes by these, which may be in the loop's buffer or further on in the same array.</summary>
    public void Set(ReadOnlySpan<byte> rest)
    {
        if (_bytes is null && rest.IsEmpty)
            return;
        if (IsAtTheFront(rest))
        {
            Length = rest.Length;   // more has come, and nothing is done with: the array is as long as that takes
            return;
        }

        bool fits = _bytes is not null && rest.Length <= _bytes.Length && _bytes.Length <= Math.Max(4 * rest.Length, LeastRoom);
        if (fits && !rest.IsEmpty)
        {
            rest.CopyTo(_bytes);
        }
        else
        {
            byte[]? other = rest.IsEmpty ? null : LargeBufferPool.Pool.Rent(Math.Max(LeastHeld, rest.Length));
            rest.CopyTo(other);
            if (_bytes is not null)
                LargeBufferPool.Pool.Return(_bytes);
            _bytes = other;
        }

        Length = rest.Length;
    }

    // Memory follows the bytes that came and never the length that was declared: it doubles, and from an eighth of the longest
    // usual request on has room for that, for of an array only what is written to is memory, and each further step copies all.
    [MemberNotNull(nameof(_bytes))]
    private void Grow(int needed)
    {
        int room = Math.Max(Math.Max(LeastHeld, needed), 2 * Memory);
        byte[] larger = LargeBufferPool.Pool.Rent(Length < MessageSize.LongestTaken / 8 ? room : Math.Max(room, MessageSize.LongestTaken));
        Bytes.CopyTo(larger);
        if (_bytes is not null)
            LargeBufferPool.Pool.Return(_bytes);
        _bytes = larger;
    }

    [MemberNotNullWhen(true, nameof(_bytes))]
    private readonly bool IsAtTheFront(ReadOnlySpan<byte> bytes) =>
        _bytes is not null && Unsafe.AreSame(ref MemoryMarshal.GetReference(bytes), ref MemoryMarshal.GetArrayDataReference(_bytes));
}
