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
    private ReadOnlySpan<byte> _rest = bytes;   // nothing, after a failure: so whatever is read then fails
    private int _depth;   // of values in values of the same type

    /// <summary>
    /// Whether a read has failed: too few bytes, a length or a nesting over its limit, padding that is not zero, a bool not 0 or
    /// 1, an enum that has no such value, a string that is not UTF-8.
    /// </summary>
    public bool HasFailed { get; private set; }

    /// <summary>Whether everything was decoded and nothing is left over.</summary>
    public readonly bool IsComplete => _rest.IsEmpty && !HasFailed;

    /// <summary>What has not been read yet; nothing after a failure.</summary>
    public readonly ReadOnlySpan<byte> Rest => _rest;

    /// <summary>RFC 4506 section 4.2: unsigned integer.</summary>
    public uint ReadUInt32() => BinaryPrimitives.TryReadUInt32BigEndian(Take(sizeof(uint)), out uint value) ? value : 0;

    /// <summary>RFC 4506 section 4.1: integer.</summary>
    public int ReadInt32() => (int)ReadUInt32();

    /// <summary>RFC 4506 section 4.5: unsigned hyper integer.</summary>
    public ulong ReadUInt64() => BinaryPrimitives.TryReadUInt64BigEndian(Take(sizeof(ulong)), out ulong value) ? value : 0;

    /// <summary>RFC 4506 section 4.5: hyper integer.</summary>
    public long ReadInt64() => (long)ReadUInt64();

    /// <summary>rpcgen's unsigned char and unsigned short: an unsigned integer of a smaller range.</summary>
    /// <param name="most">The highest value of the range.</param>
    public uint ReadUInt32(uint most)
    {
        uint value = ReadUInt32();
        FailIf(value > most);
        return HasFailed ? 0 : value;
    }

    /// <summary>rpcgen's char and short: an integer of a smaller range. Also the values of an enum that leaves none out, section 4.3.</summary>
    /// <param name="least">The lowest value of the range.</param>
    /// <param name="most">The highest.</param>
    public int ReadInt32(int least, int most)
    {
        int value = ReadInt32();
        FailIf(value < least || value > most);
        return HasFailed ? 0 : value;
    }

    /// <summary>RFC 4506 section 4.3: enum.</summary>
    /// <param name="values">The values that it has.</param>
    public int ReadEnum(params ReadOnlySpan<int> values)
    {
        int value = ReadInt32();
        FailIf(!values.Contains(value));
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
        ReadOnlySpan<byte> field = Take((uint)length + (uint)padding);
        FailIf(padding > 0 && field.Length > length && field[length..].ContainsAnyExcept((byte)0));
        return HasFailed ? default : field[..length];
    }

    /// <summary>RFC 4506 section 4.10: opaque data of at most <paramref name="maxLength"/> bytes; also the bytes of a string, section 4.11.</summary>
    /// <returns>As of <see cref="ReadFixedOpaque"/>.</returns>
    public ReadOnlySpan<byte> ReadOpaque(int maxLength)
    {
        uint length = ReadUInt32();
        FailIf(length > (uint)maxLength);
        return HasFailed ? default : ReadFixedOpaque((int)length);
    }

    /// <summary>Passes over bytes that the caller has seen in <see cref="Rest"/>.</summary>
    public void Skip(int count) => Take((uint)count);

    /// <summary>Says that what was read makes no sense: as if a read had failed.</summary>
    public void Fail()
    {
        HasFailed = true;
        _rest = default;
    }

    /// <summary>How many zero bytes follow this many bytes, up to a multiple of four: RFC 4506 section 3.</summary>
    public static int Padding(int length) => -length & 3;

    // The next bytes; none when there are not so many, which is a failure.
    private ReadOnlySpan<byte> Take(uint count)
    {
        ReadOnlySpan<byte> rest = _rest;
        if (count > (uint)rest.Length)
        {
            Fail();
            return default;
        }

        _rest = rest[(int)count..];
        return rest[..(int)count];
    }

    private void FailIf(bool wrong)
    {
        if (wrong)
            Fail();
    }
}
