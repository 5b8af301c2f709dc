using System.Buffers.Binary;

namespace Multiplex.Engine;

/// <summary>
/// Replies that the kernel did not take yet, in order: bytes of a stream, or messages, each behind its length so that its end
/// is found again. Holds memory only while there are any.
/// </summary>
internal struct WriteQueue
{
    private const int LengthPrefix = sizeof(int);
    private const int LeastHeld = 1024;   // bytes of an array: the replies to a few short requests are not copied from array to array

    private byte[]? _bytes;
    private int _start;
    private int _end;

    /// <summary>How many bytes there are.</summary>
    public readonly int Length => _end - _start;

    /// <summary>Bytes of memory that they take.</summary>
    public readonly int Memory => _bytes?.Length ?? 0;

    /// <summary>All of them, the oldest first, until the next change.</summary>
    public readonly ReadOnlySpan<byte> Bytes => _bytes.AsSpan(_start, Length);

    /// <summary>Adds replies at the end.</summary>
    /// <param name="replies">The bytes; nothing is added for none.</param>
    /// <param name="isMessage">Whether they are one message.</param>
    public void Add(ReadOnlySpan<byte> replies, bool isMessage)
    {
        if (isMessage && !replies.IsEmpty)
        {
            Span<byte> prefix = stackalloc byte[LengthPrefix];
            BinaryPrimitives.WriteInt32LittleEndian(prefix, replies.Length);
            Append(prefix);
        }

        Append(replies);
    }

    /// <summary>Adds what stands as in such a queue at the end.</summary>
    public void Append(ReadOnlySpan<byte> replies)
    {
        if (replies.IsEmpty)
            return;
        int length = Length;
        if ((_bytes?.Length ?? 0) - _end < replies.Length)
        {
            byte[] larger = LargeBufferPool.Pool.Rent(Math.Max(LeastHeld, length + replies.Length));
            Bytes.CopyTo(larger);
            Release();
            (_bytes, _end) = (larger, length);
        }

        replies.CopyTo(_bytes.AsSpan(_end));
        _end += replies.Length;
    }

    /// <summary>The oldest message, until the next change.</summary>
    public readonly ReadOnlySpan<byte> FirstMessage => Bytes.Slice(LengthPrefix, BinaryPrimitives.ReadInt32LittleEndian(Bytes));

    /// <summary>The kernel has taken the oldest message, whole as it always does.</summary>
    public void MessageTaken() => Taken(LengthPrefix + FirstMessage.Length);

    /// <summary>The kernel has taken so many bytes at the front.</summary>
    public void Taken(int count)
    {
        _start += count;
        if (_start == _end)
            Release();
    }

    /// <summary>Forgets all of them.</summary>
    public void Release()
    {
        if (_bytes is not null)
            LargeBufferPool.Pool.Return(_bytes);
        this = default;
    }
}
