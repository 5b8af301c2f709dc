using System.Buffers.Binary;

namespace Multiplex.Tour.Tracing;

/// <summary>A message in XDR, four bytes a line, with the meaning of each line. XDR is the canonical form of RFC 4506: big-endian, in units of four bytes.</summary>
internal static class Words
{
    private const int Width = sizeof(uint);

    /// <summary>Shows the words of a message.</summary>
    /// <param name="trace">Where to show them.</param>
    /// <param name="message">The message.</param>
    /// <param name="meanings">The meaning of each word.</param>
    public static void Show(Trace trace, ReadOnlySpan<byte> message, params string[] meanings)
    {
        Trace.Check(message.Length == Width * meanings.Length, $"the message has {meanings.Length} words");
        for (int i = 0; i < meanings.Length; i++)
        {
            ReadOnlySpan<byte> word = message.Slice(i * Width, Width);
            trace.Show($"{word[0]:x2} {word[1]:x2} {word[2]:x2} {word[3]:x2}  {meanings[i]}");
        }
    }

    /// <summary>The word at an index.</summary>
    public static uint At(ReadOnlySpan<byte> message, int index) => BinaryPrimitives.ReadUInt32BigEndian(message[(index * Width)..]);
}
