using System.Buffers;

namespace Multiplex.Servers.Reactors;

/// <summary>
/// Bytes of a stream that were received and are not answered: half a request, or requests that wait. Holds memory only
/// while there are any.
/// </summary>
internal struct HeldRequests
{
    /// <summary>The least room behind long requests to receive more into.</summary>
    private const int LeastRoom = 16 * 1024;

    private byte[]? _bytes;

    /// <summary>How many bytes there are.</summary>
    public int Length { get; private set; }

    /// <summary>The bytes, until the next change.</summary>
    public readonly ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, Length);

    /// <summary>
    /// Where to receive to. A short remainder of the last read goes in front of the next one, in the loop's buffer: a
    /// stream of pipelined requests is read in large pieces wherever they are cut. A long one gathers in an array of its own.
    /// </summary>
    /// <returns>A buffer whose first <see cref="Length"/> bytes are the ones held.</returns>
    public byte[] BufferForMore(byte[] loopBuffer)
    {
        if (Length <= loopBuffer.Length / 2)
        {
            Bytes.CopyTo(loopBuffer);
            return loopBuffer;
        }

        // Doubles, so that memory follows the bytes that came and never the length that was declared.
        if (_bytes!.Length - Length < LeastRoom)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(2 * _bytes.Length);
            Bytes.CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = larger;
        }

        return _bytes;
    }

    /// <summary>Holds these bytes from now on, which may stand in the loop's buffer or further on in the same array.</summary>
    public void Set(ReadOnlySpan<byte> rest)
    {
        bool fits = _bytes is not null && rest.Length <= _bytes.Length && _bytes.Length <= Math.Max(4 * rest.Length, LeastRoom);
        if (fits && !rest.IsEmpty)
        {
            rest.CopyTo(_bytes);
        }
        else
        {
            byte[]? other = rest.IsEmpty ? null : ArrayPool<byte>.Shared.Rent(rest.Length);
            rest.CopyTo(other);
            if (_bytes is not null)
                ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = other;
        }

        Length = rest.Length;
    }
}
