using System.Buffers.Binary;
using Multiplex.Sockets;

namespace Multiplex.Load.Workload;

/// <summary>
/// RFC 862: every byte must come back. Each message carries its number, so that a mix-up is seen too. On connections echoes
/// come in order; a datagram's number shows which request it answers.
/// </summary>
public sealed class EchoExchange : Exchange
{
    private readonly WeightedChoice<byte[]> _messages;
    private readonly bool _inOrder;

    /// <summary>Messages of <paramref name="size"/> bytes, from <see cref="LeastSize"/> to <see cref="MostSize"/>.</summary>
    public EchoExchange(EndpointKind kind, int size)
        : this(kind, RequestMix.OfSize(size))
    {
    }

    /// <summary>Messages of the sizes of this mix.</summary>
    public EchoExchange(EndpointKind kind, RequestMix mix)
    {
        IReadOnlyList<Weighted<int>> sizes = mix.Sizes;
        foreach (Weighted<int> size in sizes)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(size.Value, LeastSize(kind), nameof(mix));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(size.Value, MostSize(kind), nameof(mix));
        }

        _inOrder = !kind.IsDatagram();
        _messages = new([.. sizes.Select(size => new Weighted<byte[]>(Payload.Of(size.Value), size.Weight))]);
        LongestRequest = sizes.Max(size => size.Value);
    }

    /// <inheritdoc/>
    public override int LongestRequest { get; }

    /// <summary>
    /// The shortest message in bytes. On a connection it is one byte: an empty message would look like the end. A datagram has room for its number:
    /// otherwise a late echo would look like a wrong one.
    /// </summary>
    public static int LeastSize(EndpointKind kind) => kind.IsDatagram() ? sizeof(uint) : 1;

    /// <summary>The longest message in bytes.</summary>
    public static int MostSize(EndpointKind kind) => Math.Min(64 << 20, MessageSize.Limit(kind));

    /// <inheritdoc/>
    public override void Write(OutputBuffer batch, uint sequence)
    {
        ReadOnlySpan<byte> message = _messages.Of(sequence);
        Span<byte> written = batch.Append(message.Length);
        message.CopyTo(written);
        if (HasNumber(message))
            BinaryPrimitives.WriteUInt32BigEndian(written, sequence);
    }

    /// <inheritdoc/>
    public override ReplyOutcome Check(ReadOnlySpan<byte> received, uint due, out int length, out uint sequence)
    {
        sequence = due;
        length = 0;
        if (!_inOrder && !BinaryPrimitives.TryReadUInt32BigEndian(received, out sequence))
            return ReplyOutcome.Unreadable;
        ReadOnlySpan<byte> message = _messages.Of(sequence);
        length = message.Length;
        if (received.Length < length)
            return ReplyOutcome.Incomplete;
        int start = 0;
        if (HasNumber(message))
        {
            if (BinaryPrimitives.ReadUInt32BigEndian(received) != sequence)
                return ReplyOutcome.Wrong;
            start = sizeof(uint);
        }

        return received[start..length].SequenceEqual(message[start..]) ? ReplyOutcome.Right : ReplyOutcome.Wrong;
    }

    private static bool HasNumber(ReadOnlySpan<byte> message) => message.Length >= sizeof(uint);
}

/// <summary>Bytes that show when a part of the message is at a wrong position.</summary>
internal static class Payload
{
    private const int Period = 251;   // a prime: no power of two shifts it onto itself

    public static byte[] Of(int size)
    {
        byte[] payload = new byte[size];
        for (int i = 0; i < payload.Length; i++)
            payload[i] = (byte)(i % Period);
        return payload;
    }
}
