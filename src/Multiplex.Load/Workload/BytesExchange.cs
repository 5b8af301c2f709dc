using Multiplex.Sockets;

namespace Multiplex.Load.Workload;

/// <summary>
/// Any protocol that answers the same request each time with the same number of bytes or lines. On a connection, replies come in order. Their
/// contents are not checked, because they may differ, as the time of day does.
/// </summary>
/// <param name="request">The request.</param>
/// <param name="expected">The length of the reply in bytes or lines: at least 1.</param>
/// <param name="inLines">Whether it is a number of lines, each ended by a line feed, and not of bytes.</param>
public sealed class BytesExchange(byte[] request, int expected, bool inLines) : Exchange
{
    /// <inheritdoc/>
    public override int LongestRequest => request.Length;

    /// <summary>Whether such replies can be distinguished on a kind of socket: datagrams may be lost or come out of order.</summary>
    public static bool Serves(EndpointKind kind) => !kind.IsDatagram();

    /// <inheritdoc/>
    public override void Write(OutputBuffer batch, uint sequence) => batch.Write(request);

    /// <inheritdoc/>
    public override ReplyOutcome Check(ReadOnlySpan<byte> received, uint due, out int length, out uint sequence)
    {
        sequence = due;
        length = inLines ? LengthOfLines(received) : expected;
        return length > 0 && received.Length >= length ? ReplyOutcome.Right : ReplyOutcome.Incomplete;
    }

    // 0 when there are too few.
    private int LengthOfLines(ReadOnlySpan<byte> received)
    {
        int length = 0;
        for (int lines = 0; lines < expected; lines++)
        {
            int end = received[length..].IndexOf((byte)'\n');
            if (end < 0)
                return 0;
            length += end + 1;
        }

        return length;
    }
}
