using BenchmarkDotNet.Attributes;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Benchmarks;

/// <summary>The cost of marshalling and unmarshalling a small structure, and opaque data of two sizes.</summary>
[MemoryDiagnoser(displayGenColumns: false)]
public class XdrBenchmarks
{
    private const int Large = 64 * 1024;

    private readonly OutputBuffer _output = new();
    private readonly byte[] _payload = new byte[Large];
    private readonly byte[] _whoami;
    private readonly byte[] _opaque64;
    private readonly byte[] _opaque64K;

    public XdrBenchmarks()
    {
        new Random(1).NextBytes(_payload);
        WhoamiEncode();
        _whoami = _output.Written.ToArray();
        Opaque64Encode();
        _opaque64 = _output.Written.ToArray();
        Opaque64KEncode();
        _opaque64K = _output.Written.ToArray();
    }

    [Benchmark]
    public int WhoamiEncode()
    {
        _output.Clear();
        XdrWriter writer = new(_output);
        writer.WriteUInt32(4242);
        writer.WriteUInt32(4243);
        writer.WriteUInt64(1_000_000);
        writer.WriteOpaque("tcp://127.0.0.1:51234"u8);
        return _output.Length;
    }

    [Benchmark]
    public ulong WhoamiDecode()
    {
        XdrReader reader = new(_whoami);
        ulong sum = reader.ReadUInt32() + reader.ReadUInt32() + reader.ReadUInt64();
        sum += (ulong)reader.ReadOpaque(128).Length;
        return reader.IsComplete ? sum : throw new InvalidOperationException("not decoded");
    }

    [Benchmark]
    public int Opaque64Encode() => Encode(_payload.AsSpan(0, 64));

    [Benchmark]
    public int Opaque64Decode() => Decode(_opaque64);

    [Benchmark]
    public int Opaque64KEncode() => Encode(_payload);

    [Benchmark]
    public int Opaque64KDecode() => Decode(_opaque64K);

    private int Encode(ReadOnlySpan<byte> data)
    {
        _output.Clear();
        new XdrWriter(_output).WriteOpaque(data);
        return _output.Length;
    }

    // Decoding returns a view of the bytes in place; nothing is copied, so the size does not matter.
    private static int Decode(ReadOnlySpan<byte> data)
    {
        XdrReader reader = new(data);
        int length = reader.ReadOpaque(Large).Length;
        return reader.IsComplete ? length : throw new InvalidOperationException("not decoded");
    }
}
