using System.Buffers.Binary;

namespace Multiplex.Rpc.Messages;

/// <summary>
/// The record marking standard, RFC 5531 section 11: on a stream a message is a record of one or more fragments, each
/// after a header of four bytes: the highest bit marks the last fragment, the other 31 are its length.
/// </summary>
public static class RecordMarking
{
    /// <summary>Bytes of a fragment's header.</summary>
    public const int HeaderLength = 4;

    /// <summary>The bit that marks a record's last fragment.</summary>
    public const uint LastFragment = 0x8000_0000;

    /// <summary>The most bytes that the headers of a record's fragments may take: it limits the work that many tiny fragments cause.</summary>
    public const int MaxHeaderBytes = 64 * 1024 * HeaderLength;

    /// <summary>
    /// The usual limit on a record's length in bytes, without its headers: arguments or results of 1 MiB, and room for a call's head with the longest
    /// credential and verifier, and for fragments that are not filled.
    /// </summary>
    public const int UsualMaxRecord = (1024 * 1024) + 4096;

    /// <summary>
    /// Finds the end of the record at the front. Incremental: complete fragments are not examined again.
    /// </summary>
    /// <param name="received">All that has been received of the record, and perhaps more.</param>
    /// <param name="progress">How far earlier calls got.</param>
    /// <param name="maxRecord">The longest record, without its headers, in bytes.</param>
    /// <returns>The record's length with its headers, or a <see cref="FrameResult"/>.</returns>
    public static int Frame(ReadOnlySpan<byte> received, ref FramingProgress progress, int maxRecord)
    {
        while (received.Length - progress.Scanned >= HeaderLength)
        {
            uint header = BinaryPrimitives.ReadUInt32BigEndian(received[progress.Scanned..]);
            uint length = header & ~LastFragment;
            bool last = (header & LastFragment) != 0;

            // With empty fragments before the last one, a peer could send for ever without any data.
            if (length > (uint)(maxRecord - progress.Length) || (length == 0 && !last))
                return FrameResult.Malformed;
            int end = progress.Scanned + HeaderLength + (int)length;
            if (end > received.Length)
                return FrameResult.Incomplete;
            if (last)
                return end;
            progress.Scanned = end;
            progress.Length += (int)length;
            if (progress.Scanned - progress.Length >= MaxHeaderBytes)
                return FrameResult.Malformed;
        }

        return FrameResult.Incomplete;
    }

    /// <summary>Whether a whole record is one fragment, so that its message stands in one piece after the header.</summary>
    public static bool IsSingleFragment(ReadOnlySpan<byte> record) =>
        (BinaryPrimitives.ReadUInt32BigEndian(record) & LastFragment) != 0;

    /// <summary>The length, with its header, of the fragment that begins here, such as a record of one.</summary>
    internal static int LengthOf(ReadOnlySpan<byte> record) =>
        HeaderLength + (int)(BinaryPrimitives.ReadUInt32BigEndian(record) & ~LastFragment);

    /// <summary>The content of the first fragment of a whole record.</summary>
    public static ReadOnlySpan<byte> FirstFragment(ReadOnlySpan<byte> record) => record[HeaderLength..LengthOf(record)];

    /// <summary>Puts the fragments of a whole record together.</summary>
    /// <param name="record">A record as <see cref="Frame"/> found it.</param>
    /// <param name="message">Receives the message; a span of the record's length is long enough.</param>
    /// <returns>The message's length in bytes.</returns>
    public static int Reassemble(ReadOnlySpan<byte> record, Span<byte> message)
    {
        int length = 0;
        while (!record.IsEmpty)
        {
            int fragment = (int)(BinaryPrimitives.ReadUInt32BigEndian(record) & ~LastFragment);
            record.Slice(HeaderLength, fragment).CopyTo(message[length..]);
            length += fragment;
            record = record[(HeaderLength + fragment)..];
        }

        return length;
    }

    /// <summary>Appends a message as a record of one fragment.</summary>
    public static void Write(OutputBuffer output, ReadOnlySpan<byte> message)
    {
        int start = Begin(output);
        output.Write(message);
        End(output, start);
    }

    /// <summary>Leaves room for the header of a record of one fragment.</summary>
    /// <returns>Where the record begins, for <see cref="End"/>.</returns>
    public static int Begin(OutputBuffer output)
    {
        int start = output.Length;
        output.Append(HeaderLength);
        return start;
    }

    /// <summary>Fills in the header of the record that began at <paramref name="start"/> and goes on to the end.</summary>
    public static void End(OutputBuffer output, int start) => BinaryPrimitives.WriteUInt32BigEndian(
        output.Rewrite(start, HeaderLength), LastFragment | (uint)(output.Length - start - HeaderLength));
}
