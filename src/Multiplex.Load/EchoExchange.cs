using System.Buffers.Binary;

namespace Multiplex.Load;

/// <summary>RFC 862: every byte must come back. Each message carries its number, so that a mix-up is seen too.</summary>
public sealed class EchoExchange : IExchange
{
    private readonly byte[] _message;

    /// <summary>Messages of <paramref name="size"/> bytes, at least one.</summary>
    public EchoExchange(int size)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        _message = new byte[size];
        Payload.Fill(_message);
    }

    /// <inheritdoc/>
    public void Write(OutputBuffer batch, uint sequence) => batch.Write(Message(sequence));

    /// <inheritdoc/>
    public ReplyVerdict Check(ReadOnlySpan<byte> received, uint sequence, out int length)
    {
        length = _message.Length;
        if (received.Length < length)
            return ReplyVerdict.Incomplete;
        return received[..length].SequenceEqual(Message(sequence)) ? ReplyVerdict.Right : ReplyVerdict.Wrong;
    }

    private ReadOnlySpan<byte> Message(uint sequence)
    {
        if (_message.Length >= sizeof(uint))
            BinaryPrimitives.WriteUInt32BigEndian(_message, sequence);
        return _message;
    }
}

/// <summary>Bytes that a mix-up of positions would change.</summary>
internal static class Payload
{
    private const int Period = 251;   // a prime: no power of two shifts it onto itself

    public static void Fill(Span<byte> payload)
    {
        for (int i = 0; i < payload.Length; i++)
            payload[i] = (byte)(i % Period);
    }
}
