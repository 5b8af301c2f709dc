using System.Buffers.Binary;

namespace Multiplex.Rpc.Xdr;

/// <summary>Marshals: appends values in XDR's canonical form (RFC 4506) to an output buffer, without allocation.</summary>
public readonly ref struct XdrWriter(OutputBuffer output)
{
    /// <summary>RFC 4506 section 4.2: unsigned integer.</summary>
    public void WriteUInt32(uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(output.GetSpan(sizeof(uint)), value);
        output.Advance(sizeof(uint));
    }

    /// <summary>RFC 4506 section 4.1: integer; also enum, section 4.3.</summary>
    public void WriteInt32(int value) => WriteUInt32((uint)value);

    /// <summary>RFC 4506 section 4.4: bool.</summary>
    public void WriteBool(bool value) => WriteUInt32(value ? 1u : 0u);

    /// <summary>RFC 4506 section 4.5: unsigned hyper integer.</summary>
    public void WriteUInt64(ulong value)
    {
        BinaryPrimitives.WriteUInt64BigEndian(output.GetSpan(sizeof(ulong)), value);
        output.Advance(sizeof(ulong));
    }

    /// <summary>RFC 4506 section 4.9: fixed-length opaque data, padded with zeros to a multiple of four.</summary>
    public void WriteFixedOpaque(ReadOnlySpan<byte> data)
    {
        int padding = XdrReader.Padding(data.Length);
        Span<byte> room = output.GetSpan(data.Length + padding);
        data.CopyTo(room);
        if (padding > 0)
            room.Slice(data.Length, padding).Clear();
        output.Advance(data.Length + padding);
    }

    /// <summary>RFC 4506 section 4.10: variable-length opaque data; also string, section 4.11.</summary>
    public void WriteOpaque(ReadOnlySpan<byte> data)
    {
        WriteUInt32((uint)data.Length);
        WriteFixedOpaque(data);
    }
}
