using System.Buffers.Binary;
using Multiplex.Sockets;

namespace Multiplex.Load;

/// <summary>
/// RFC 862: every byte must come back. Each message carries its number, so that a mix-up is seen too. On connections echoes
/// come in order; a datagram's number tells which request it answers.
/// </summary>
public sealed class EchoExchange : IExchange
{
    private readonly byte[] _message;
    private readonly bool _inOrder;

    /// <summary>Messages of <paramref name="size"/> bytes, from <see cref="LeastSize"/> to <see cref="MostSize"/>.</summary>
    public EchoExchange(EndpointKind kind, int size)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, LeastSize(kind));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, MostSize(kind));
        _inOrder = !kind.IsDatagram();
        _message = new byte[size];
        Payload.Fill(_message);
    }

    /// <summary>
    /// The shortest message in bytes. On a connection one: none at all would look like its end. A datagram has room for its number:
    /// else a late echo could not be told from a wrong one.
    /// </summary>
    public static int LeastSize(EndpointKind kind) => kind.IsDatagram() ? sizeof(uint) : 1;

    /// <summary>The longest message in bytes.</summary>
    public static int MostSize(EndpointKind kind) => Math.Min(64 << 20, MessageSize.Limit(kind));

    /// <inheritdoc/>
    public void Write(OutputBuffer batch, uint sequence) => batch.Write(Message(sequence));

    /// <inheritdoc/>
    public ReplyVerdict Check(ReadOnlySpan<byte> received, uint due, out int length, out uint sequence)
    {
        length = _message.Length;
        sequence = due;
        if (!_inOrder && !BinaryPrimitives.TryReadUInt32BigEndian(received, out sequence))
            return ReplyVerdict.Unreadable;
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
