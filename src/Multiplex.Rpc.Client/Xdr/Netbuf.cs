namespace Multiplex.Rpc.Xdr;

/// <summary>libtirpc's <c>struct netbuf</c>: an address as bytes, in the RPC language <c>struct { unsigned maxlen; opaque buf&lt;&gt;; }</c>.</summary>
public sealed class Netbuf
{
    /// <summary>How long <see cref="Bytes"/> may be.</summary>
    public uint MaxLength { get; set; }

    /// <summary>The address.</summary>
    public byte[] Bytes { get; set; } = [];

    /// <summary>Reads one; if it is malformed, <see cref="XdrReader.HasFailed"/> is true.</summary>
    public static Netbuf Read(ref XdrReader reader)
    {
        uint most = reader.ReadUInt32();
        return new() { MaxLength = most, Bytes = reader.ReadOpaque((int)Math.Min(most, int.MaxValue)).ToArray() };
    }

    /// <summary>Writes it.</summary>
    /// <exception cref="ArgumentException">The address is longer than its maximum.</exception>
    public void Write(XdrWriter writer)
    {
        writer.WriteUInt32(MaxLength);
        writer.WriteOpaque(Bytes, (int)Math.Min(MaxLength, int.MaxValue));
    }
}
