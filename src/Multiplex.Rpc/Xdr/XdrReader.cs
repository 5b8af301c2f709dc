using System.Buffers.Binary;

namespace Multiplex.Rpc.Xdr;

/// <summary>
/// Unmarshals: reads values in XDR's canonical form (RFC 4506) from bytes that are there. Big-endian, in units of four
/// bytes. No declared length is believed before the bytes behind it have been seen, and nothing is allocated but the strings
/// and arrays that are asked for. All of the RFC but quadruple-precision floating point, section 4.8, which .NET has no type for.
/// </summary>
/// <remarks>
/// A read that fails returns a default value and fails all that follow, so that a caller decodes a whole structure first
/// and asks <see cref="IsComplete"/> once.
/// </remarks>
public ref partial struct XdrReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _position;
    private int _depth;   // of values in values of the same type

    /// <summary>
    /// Whether a read has failed: too few bytes, a length or a nesting over its limit, padding that is not zero, a bool not 0 or
    /// 1, an enum that has no such value, a string that is not UTF-8.
    /// </summary>
    public bool HasFailed { get; private set; }

    /// <summary>Whether everything was decoded and nothing is left over.</summary>
    public readonly bool IsComplete => !HasFailed && _position == _bytes.Length;

    /// <summary>What has not been read yet.</summary>
    public readonly ReadOnlySpan<byte> Rest => _bytes[_position..];

    /// <summary>RFC 4506 section 4.2: unsigned integer.</summary>
    public uint ReadUInt32() => TryTake(sizeof(uint), out ReadOnlySpan<byte> field) ? BinaryPrimitives.ReadUInt32BigEndian(field) : 0;

    /// <summary>RFC 4506 section 4.1: integer.</summary>
    public int ReadInt32() => (int)ReadUInt32();

    /// <summary>RFC 4506 section 4.5: unsigned hyper integer.</summary>
    public ulong ReadUInt64() => TryTake(sizeof(ulong), out ReadOnlySpan<byte> field) ? BinaryPrimitives.ReadUInt64BigEndian(field) : 0;

    /// <summary>RFC 4506 section 4.5: hyper integer.</summary>
    public long ReadInt64() => (long)ReadUInt64();

    /// <summary>rpcgen's unsigned char and unsigned short: an unsigned integer of a smaller range.</summary>
    /// <param name="most">The highest value of the range.</param>
    public uint ReadUInt32(uint most)
    {
        uint value = ReadUInt32();
        HasFailed |= value > most;
        return HasFailed ? 0 : value;
    }

    /// <summary>rpcgen's char and short: an integer of a smaller range. Also the values of an enum that leaves none out, section 4.3.</summary>
    /// <param name="least">The lowest value of the range.</param>
    /// <param name="most">The highest.</param>
    public int ReadInt32(int least, int most)
    {
        int value = ReadInt32();
        HasFailed |= value < least || value > most;
        return HasFailed ? 0 : value;
    }

    /// <summary>RFC 4506 section 4.3: enum.</summary>
    /// <param name="values">The values that it has.</param>
    public int ReadEnum(params ReadOnlySpan<int> values)
    {
        int value = ReadInt32();
        HasFailed |= !values.Contains(value);
        return HasFailed ? 0 : value;
    }

    /// <summary>RFC 4506 section 4.4: bool, 0 or 1.</summary>
    public bool ReadBool() => ReadUInt32(1) == 1;

    /// <summary>RFC 4506 section 4.6: single-precision floating point.</summary>
    public float ReadSingle() => BitConverter.UInt32BitsToSingle(ReadUInt32());

    /// <summary>RFC 4506 section 4.7: double-precision floating point.</summary>
    public double ReadDouble() => BitConverter.UInt64BitsToDouble(ReadUInt64());

    /// <summary>RFC 4506 section 4.9: fixed-length opaque data, with its padding.</summary>
    /// <returns>A part of what is read from: it lives as long as that does. Empty after a failure.</returns>
    public ReadOnlySpan<byte> ReadFixedOpaque(int length)
    {
        int padding = Padding(length);
        if (!TryTake((long)length + padding, out ReadOnlySpan<byte> field))
            return default;
        if (padding > 0 && field[length..].ContainsAnyExcept((byte)0))
            HasFailed = true;
        return HasFailed ? default : field[..length];
    }

    /// <summary>RFC 4506 section 4.10: opaque data of at most <paramref name="maxLength"/> bytes; also the bytes of a string, section 4.11.</summary>
    /// <returns>As of <see cref="ReadFixedOpaque"/>.</returns>
    public ReadOnlySpan<byte> ReadOpaque(int maxLength)
    {
        uint length = ReadUInt32();
        if (length > (uint)maxLength)
            HasFailed = true;
        return HasFailed ? default : ReadFixedOpaque((int)length);
    }

    /// <summary>Passes over bytes that the caller has seen in <see cref="Rest"/>.</summary>
    public void Skip(int count) => TryTake(count, out _);

    /// <summary>Says that what was read makes no sense: as if a read had failed.</summary>
    public void Fail() => HasFailed = true;

    /// <summary>How many zero bytes follow this many bytes, up to a multiple of four: RFC 4506 section 3.</summary>
    public static int Padding(int length) => -length & 3;

    private bool TryTake(long count, out ReadOnlySpan<byte> field)
    {
        if (HasFailed || count > _bytes.Length - _position)
        {
            HasFailed = true;
            field = default;
            return false;
        }

        field = _bytes.Slice(_position, (int)count);
        _position += (int)count;
        return true;
    }
}
