using System.Buffers.Binary;
using BenchmarkDotNet.Attributes;
using Multiplex.Rpc.Messages;

namespace Multiplex.Benchmarks;

/// <summary>
/// The cost of finding a record's end, in the simple case and in an unfavourable one: a thousand fragments that arrive in
/// pieces. Framing is incremental, so the cost grows with the number of fragments, not with fragments times pieces.
/// </summary>
[MemoryDiagnoser(displayGenColumns: false)]
public class RecordMarkingBenchmarks
{
    private const int Fragments = 1000;
    private const int FragmentLength = 64;
    private const int Piece = 1448;   // the payload of a TCP segment on Ethernet
    private const int MaxRecord = 1024 * 1024;

    private readonly byte[] _plain = Record(fragments: 1);
    private readonly byte[] _fragmented = Record(Fragments);
    private readonly byte[] _message = new byte[Fragments * (RecordMarking.HeaderLength + FragmentLength)];

    [Benchmark]
    public int FrameOneRecord()
    {
        FramingProgress progress = default;
        return RecordMarking.Frame(_plain, ref progress, MaxRecord);
    }

    [Benchmark]
    public int FrameThousandFragmentsInPieces()
    {
        FramingProgress progress = default;
        int length = FrameResult.Incomplete;
        for (int received = Piece; length == FrameResult.Incomplete; received += Piece)
        {
            int arrived = Math.Min(received, _fragmented.Length);
            length = RecordMarking.Frame(_fragmented.AsSpan(0, arrived), ref progress, MaxRecord);
        }

        return length == _fragmented.Length ? length : throw new InvalidOperationException($"framed {length} bytes");
    }

    [Benchmark]
    public int ReassembleThousandFragments() => RecordMarking.Reassemble(_fragmented, _message);

    private static byte[] Record(int fragments)
    {
        const int Whole = RecordMarking.HeaderLength + FragmentLength;
        byte[] record = new byte[fragments * Whole];
        for (int i = 0; i < fragments; i++)
        {
            uint last = i == fragments - 1 ? RecordMarking.LastFragment : 0;
            BinaryPrimitives.WriteUInt32BigEndian(record.AsSpan(i * Whole), last | FragmentLength);
        }

        return record;
    }
}
