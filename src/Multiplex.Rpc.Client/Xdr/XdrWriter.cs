using System.Buffers.Binary;
using System.Text;

namespace Multiplex.Rpc.Xdr;

/// <summary>Marshals: appends values in XDR's canonical form (RFC 4506) to an output buffer, without allocation.</summary>
/// <remarks>
/// The writer checks the bounds of a type: a value over them throws <see cref="ArgumentException"/>, and what was written
/// of the value so far stays in the buffer.
/// </remarks>
public readonly ref partial struct XdrWriter
{
    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly OutputBuffer _output;
    private readonly int _depth;

    /// <summary>Appends to this buffer.</summary>
    public XdrWriter(OutputBuffer output)
        : this(output, 0)
    {
    }

    private XdrWriter(OutputBuffer output, int depth) => (_output, _depth) = (output, depth);

    /// <summary>The buffer: for data that are received directly into it, or for values that are known only after later ones are written.</summary>
    public OutputBuffer Output => _output;

    /// <summary>RFC 4506 section 4.2: unsigned integer. Also rpcgen's unsigned char and unsigned short.</summary>
    public void WriteUInt32(uint value) => BinaryPrimitives.WriteUInt32BigEndian(_output.Append(sizeof(uint)), value);

    /// <summary>RFC 4506 section 4.1: integer. Also rpcgen's char and short.</summary>
    public void WriteInt32(int value) => WriteUInt32((uint)value);

    /// <summary>RFC 4506 section 4.5: unsigned hyper integer.</summary>
    public void WriteUInt64(ulong value) => BinaryPrimitives.WriteUInt64BigEndian(_output.Append(sizeof(ulong)), value);

    /// <summary>RFC 4506 section 4.5: hyper integer.</summary>
    public void WriteInt64(long value) => WriteUInt64((ulong)value);

    /// <summary>RFC 4506 section 4.3: an enum whose values are consecutive.</summary>
    /// <exception cref="ArgumentException">It has no such value.</exception>
    public void WriteInt32(int value, int least, int most)
    {
        if (value < least || value > most)
            throw new ArgumentException($"the enum has no value {value}");
        WriteInt32(value);
    }

    /// <summary>RFC 4506 section 4.3: enum.</summary>
    /// <param name="value">The value.</param>
    /// <param name="values">The values of the enum.</param>
    /// <exception cref="ArgumentException">It has no such value.</exception>
    public void WriteEnum(int value, params ReadOnlySpan<int> values)
    {
        if (!values.Contains(value))
            throw new ArgumentException($"the enum has no value {value}");
        WriteInt32(value);
    }

    /// <summary>RFC 4506 section 4.4: bool.</summary>
    public void WriteBool(bool value) => WriteUInt32(value ? 1u : 0u);

    /// <summary>RFC 4506 section 4.6: single-precision floating point.</summary>
    public void WriteSingle(float value) => WriteUInt32(BitConverter.SingleToUInt32Bits(value));

    /// <summary>RFC 4506 section 4.7: double-precision floating point.</summary>
    public void WriteDouble(double value) => WriteUInt64(BitConverter.DoubleToUInt64Bits(value));

    /// <summary>RFC 4506 section 4.9: fixed-length opaque data, padded with zeros to a multiple of four.</summary>
    public void WriteFixedOpaque(ReadOnlySpan<byte> data)
    {
        data.CopyTo(Reserve(data.Length));
    }

    /// <summary>As above.</summary>
    /// <param name="data">The data.</param>
    /// <param name="length">The length that it must have, in bytes.</param>
    /// <exception cref="ArgumentException">It has another.</exception>
    public void WriteFixedOpaque(ReadOnlySpan<byte> data, int length)
    {
        if (data.Length != length)
            throw new ArgumentException($"{data.Length} bytes of opaque data, where there must be {length}");
        WriteFixedOpaque(data);
    }

    /// <summary>RFC 4506 section 4.10: variable-length opaque data; also the bytes of a string, section 4.11.</summary>
    public void WriteOpaque(ReadOnlySpan<byte> data)
    {
        Span<byte> room = Reserve(data.Length, before: sizeof(uint));
        BinaryPrimitives.WriteUInt32BigEndian(room, (uint)data.Length);
        data.CopyTo(room[sizeof(uint)..]);
    }

    /// <summary>As above.</summary>
    /// <param name="data">The data.</param>
    /// <param name="maxLength">How long it may be, in bytes.</param>
    /// <exception cref="ArgumentException">It is longer.</exception>
    public void WriteOpaque(ReadOnlySpan<byte> data, int maxLength)
    {
        ThrowIfOver(maxLength, data.Length, "bytes");
        WriteOpaque(data);
    }

    // Room for this many bytes and for some before them; the padding after them is zeroed.
    private Span<byte> Reserve(int length, int before = 0)
    {
        int padding = XdrReader.Padding(length);
        Span<byte> room = _output.Append(before + length + padding);
        if (padding > 0)
            room[^padding..].Clear();
        return room[..(before + length)];
    }

    private static void ThrowIfOver(int most, int count, string what)
    {
        if (count > most)
            throw Over(most, count, what);
    }

    // A separate method, so that the check is inlined.
    private static ArgumentException Over(int most, int count, string what) => new($"{count} {what}, where there may be at most {most}");
}
