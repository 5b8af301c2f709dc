using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using Multiplex.Load.Measuring;

namespace Multiplex.Load.Reporting.Formats;

/// <summary>Reads logs of histograms as <see cref="HistogramLog"/> writes them, so that the runs of many machines can be added up.</summary>
public static class HistogramLogReader
{
    private const int PrefixLength = 2 * sizeof(int), HeaderLength = 40;
    private const int BucketLimit = 1 << 24;   // far more than a histogram has

    /// <summary>Adds all intervals of a log to a histogram.</summary>
    /// <param name="log">The log's lines.</param>
    /// <param name="latencies">Takes them.</param>
    /// <returns>The number of intervals.</returns>
    /// <exception cref="FormatException">It is not such a log; the message names the line and the reason.</exception>
    public static int AddAll(IEnumerable<string> log, LatencyHistogram latencies)
    {
        int number = 0, intervals = 0;
        foreach (string line in log)
        {
            number++;
            if (line.Length == 0 || line.StartsWith('#') || line.StartsWith('"'))
                continue;
            string[] fields = line.Split(',');

            // A tag may stand before the others: Tag=NAME.
            int first = fields[0].StartsWith("Tag=", StringComparison.Ordinal) ? 1 : 0;
            if (fields.Length != first + 4 || !double.TryParse(fields[first], NumberStyles.Float, CultureInfo.InvariantCulture, out _))
                throw new FormatException($"line {number} is no interval of a histogram log: write a file that --hlog has written");
            try
            {
                Add(fields[^1], latencies);
            }
            catch (FormatException e)
            {
                throw new FormatException($"line {number}: {e.Message}", e);
            }

            intervals++;
        }

        return intervals > 0 ? intervals : throw new FormatException("there is no interval in it: write a file that --hlog has written");
    }

    /// <summary>Adds a histogram in the compressed V2 encoding, in base64: see <see cref="HistogramLog.Encode"/>.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    internal static void Add(string encoded, LatencyHistogram latencies)
    {
        try
        {
            Add(Convert.FromBase64String(encoded), latencies);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new FormatException(e.Message, e);
        }
    }

    // The compressed V2 encoding: a cookie, a length, and deflated the histogram's header and its counts.
    private static void Add(byte[] encoded, LatencyHistogram latencies)
    {
        if (encoded.Length < PrefixLength || BinaryPrimitives.ReadInt32BigEndian(encoded) != HistogramLog.CompressedCookie)
            throw new FormatException("it is no histogram in the compressed V2 encoding");
        using ZLibStream inflate = new(new MemoryStream(encoded, PrefixLength, encoded.Length - PrefixLength), CompressionMode.Decompress);
        byte[] header = new byte[HeaderLength];
        inflate.ReadExactly(header);
        if (BinaryPrimitives.ReadInt32BigEndian(header) != HistogramLog.EncodingCookie)
            throw new FormatException("it is no histogram in the V2 encoding");
        if (BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(8)) != 0
            || BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(12)) != HistogramLog.SignificantDigits
            || BinaryPrimitives.ReadInt64BigEndian(header.AsSpan(16)) != HistogramLog.LowestDiscernible)
        {
            throw new FormatException("its buckets are others than those of --hlog: three significant digits, from one nanosecond on");
        }

        int left = BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(4));
        int bucket = 0;
        while (left > 0)
        {
            long value = ReadZigZag(inflate, ref left);
            bucket = checked((int)Math.Min(bucket + (value < 0 ? -value : 0), BucketLimit));
            if (value >= 0)
                latencies.Add(bucket++, value);
        }
    }

    // ZigZag LEB128-64b9B: see HistogramLog.
    private static long ReadZigZag(ZLibStream input, ref int left)
    {
        const int MostBytes = 9;
        ulong value = 0;
        for (int i = 0; i < MostBytes; i++)
        {
            int next = input.ReadByte();
            if (next < 0 || left-- == 0)
                throw new EndOfStreamException("the histogram ends in the middle of a count");
            bool isLast = i == MostBytes - 1;
            value |= (ulong)(isLast ? next : next & 0x7f) << (7 * i);
            if (isLast || next < 0x80)
                break;
        }

        return (long)(value >> 1) ^ -(long)(value & 1);
    }
}
