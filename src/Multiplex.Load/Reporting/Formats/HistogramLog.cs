using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using Multiplex.Load.Measuring;

namespace Multiplex.Load.Reporting.Formats;

/// <summary>
/// A log of histograms as HdrHistogram's own tools read it (HistogramLogReader, HistogramLogProcessor): format version 1.3, its
/// histograms in the compressed V2 encoding. Latencies are in nanoseconds, and the column of maxima in milliseconds, as those
/// tools expect. Those tools can add up runs of many machines.
/// </summary>
public sealed class HistogramLog
{
    internal const int EncodingCookie = 0x1c84_9303 | 0x10;     // V2; 0x10: counts are words of up to eight bytes
    internal const int CompressedCookie = 0x1c84_9304 | 0x10;
    internal const int SignificantDigits = 3;
    internal const long LowestDiscernible = 1;

    private const int HeaderLength = 40;
    private const long HighestTrackable = 3_600_000_000_000;   // an hour

    private readonly StringBuilder _lines = new();

    /// <summary>Adds the histogram of one second.</summary>
    public void Add(LoadSecond second, LatencyHistogram latencies) => _lines.Append(
        CultureInfo.InvariantCulture, $"{second.Second:F3},{second.LengthS:F3},{latencies.Max / 1e6:F3},{Encode(latencies)}\n");

    /// <summary>The log of all seconds so far.</summary>
    /// <param name="startedAt">The beginning of the first second.</param>
    public string ToText(DateTimeOffset startedAt) => string.Create(CultureInfo.InvariantCulture, $"""
        #[Logged with multiplex load]
        #[Histogram log format version 1.3]
        #[StartTime: {startedAt.ToUnixTimeMilliseconds() / 1e3:F3} (seconds since epoch), {startedAt.UtcDateTime:u}]
        "StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"
        {_lines}
        """);

    /// <summary>A histogram in the compressed V2 encoding, in base64.</summary>
    public static string Encode(LatencyHistogram latencies)
    {
        byte[] contents = Contents(latencies);
        using MemoryStream encoded = new();
        encoded.Write(new byte[2 * sizeof(int)]);
        using (ZLibStream deflate = new(encoded, CompressionLevel.Fastest, leaveOpen: true))
            deflate.Write(contents);
        Span<byte> bytes = encoded.GetBuffer().AsSpan(0, (int)encoded.Length);
        BinaryPrimitives.WriteInt32BigEndian(bytes, CompressedCookie);
        BinaryPrimitives.WriteInt32BigEndian(bytes[sizeof(int)..], bytes.Length - (2 * sizeof(int)));
        return Convert.ToBase64String(bytes);
    }

    // The buckets are HdrHistogram's own for three digits from 1 on: values below 2048 have one each, each octave above has 1024.
    private static byte[] Contents(LatencyHistogram latencies)
    {
        using MemoryStream contents = new();
        contents.Write(new byte[HeaderLength]);
        ReadOnlySpan<long> counts = latencies.Counts;
        for (int i = 0; i < counts.Length;)
        {
            int zeros = 0;
            while (i < counts.Length && counts[i] == 0)
            {
                zeros++;
                i++;
            }

            // A single zero is written as 0; a run of zeros as its negated length.
            if (zeros > 0)
                WriteZigZag(contents, zeros == 1 ? 0 : -zeros);
            else
                WriteZigZag(contents, counts[i++]);
        }

        Span<byte> bytes = contents.GetBuffer().AsSpan(0, (int)contents.Length);
        BinaryPrimitives.WriteInt32BigEndian(bytes, EncodingCookie);
        BinaryPrimitives.WriteInt32BigEndian(bytes[4..], bytes.Length - HeaderLength);
        BinaryPrimitives.WriteInt32BigEndian(bytes[8..], 0);    // normalizing index offset
        BinaryPrimitives.WriteInt32BigEndian(bytes[12..], SignificantDigits);
        BinaryPrimitives.WriteInt64BigEndian(bytes[16..], LowestDiscernible);
        BinaryPrimitives.WriteInt64BigEndian(bytes[24..], Math.Max(HighestTrackable, latencies.Max));
        BinaryPrimitives.WriteDoubleBigEndian(bytes[32..], 1);  // integer to double conversion ratio
        return bytes.ToArray();
    }

    // ZigZag LEB128-64b9B: seven bits a byte, lowest first, a set bit meaning that more follow; a ninth byte has eight bits.
    private static void WriteZigZag(MemoryStream output, long value)
    {
        const int MostBytes = 9;
        ulong rest = (ulong)((value << 1) ^ (value >> 63));
        for (int i = 1; i < MostBytes && rest > 0x7f; i++, rest >>= 7)
            output.WriteByte((byte)(rest | 0x80));
        output.WriteByte((byte)rest);
    }
}
