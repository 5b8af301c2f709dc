using System.Buffers.Binary;

namespace Multiplex.Rpc.Xdr;

/// <summary>
/// Unmarshals: reads values in XDR's canonical form (RFC 4506) from bytes that are there. Big-endian, in units of four
/// bytes. A declared length is checked against the bytes that are there before it is used, and only the requested strings
/// and arrays are allocated. All of the RFC except quadruple-precision floating point, section 4.8, for which .NET has no type.
/// </summary>
/// <remarks>
/// A read that fails returns a default value, and all later reads fail, so that a caller decodes a whole structure first
/// and checks <see cref="IsComplete"/> once. <see cref="IsStrict"/> and <see cref="AcceptsUnknown"/> define what fails.
/// </remarks>
public ref partial struct XdrReader(ReadOnlySpan<byte> bytes)
{
    private const string NoSuchValue = "an enum has no such value";

    private ReadOnlySpan<byte> _rest = bytes;   // empty after a failure, so that all later reads fail
    private int _depth;   // the nesting of values in values of the same type

    /// <summary>Whether padding that is not zero fails. Otherwise it is ignored, as in libtirpc.</summary>
    public bool IsStrict { get; init; }

    /// <summary>
    /// Whether an enum may have a value that its type lacks, and a string may have bytes that are not UTF-8 (<see cref="XdrText"/>), as in libtirpc: for the
    /// results of a server that is newer than the .x file, or that has such names. Otherwise they fail.
    /// </summary>
    public bool AcceptsUnknown { get; init; }

    /// <summary>
    /// Whether a read has failed: too few bytes, a length or a nesting over its limit, a bool not 0 or 1, a union without an arm for its
    /// discriminant; and the failures that <see cref="IsStrict"/> and <see cref="AcceptsUnknown"/> define.
    /// </summary>
    public readonly bool HasFailed => Failure is not null;

    /// <summary>What failed first; null if nothing did.</summary>
    public string? Failure { get; private set; }

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
        FailIf(value > most, "an integer is out of its range");
        return HasFailed ? 0 : value;
    }

    /// <summary>rpcgen's char and short: an integer of a smaller range.</summary>
    /// <param name="least">The lowest value of the range.</param>
    /// <param name="most">The highest.</param>
    public int ReadInt32(int least, int most)
    {
        int value = ReadInt32();
        FailIf(value < least || value > most, "an integer is out of its range");
        return HasFailed ? 0 : value;
    }

    /// <summary>RFC 4506 section 4.3: enum.</summary>
    /// <param name="values">The values that it has.</param>
    public int ReadEnum(params ReadOnlySpan<int> values)
    {
        int value = ReadInt32();
        FailIf(!AcceptsUnknown && !values.Contains(value), NoSuchValue);
        return HasFailed ? 0 : value;
    }

    /// <summary>RFC 4506 section 4.3: an enum whose values are consecutive.</summary>
    /// <param name="least">The lowest.</param>
    /// <param name="most">The highest.</param>
    public int ReadEnumOfRange(int least, int most)
    {
        int value = ReadInt32();
        FailIf(!AcceptsUnknown && (value < least || value > most), NoSuchValue);
        return HasFailed ? 0 : value;
    }

    /// <summary>RFC 4506 section 4.4: bool, 0 or 1.</summary>
    public bool ReadBool() => ReadUInt32(1) == 1;

    /// <summary>RFC 4506 section 4.6: single-precision floating point.</summary>
    public float ReadSingle() => BitConverter.UInt32BitsToSingle(ReadUInt32());

    /// <summary>RFC 4506 section 4.7: double-precision floating point.</summary>
    public double ReadDouble() => BitConverter.UInt64BitsToDouble(ReadUInt64());

    /// <summary>RFC 4506 section 4.9: fixed-length opaque data, with its padding.</summary>
    /// <returns>A part of the reader's bytes, not a copy; valid as long as they are. Empty after a failure.</returns>
    public ReadOnlySpan<byte> ReadFixedOpaque(int length)
    {
        int padding = Padding(length);
        ReadOnlySpan<byte> field = Take((uint)length + (uint)padding);
        FailIf(IsStrict && field.Length > length && field[length..].ContainsAnyExcept((byte)0), "padding is not zero");
        return HasFailed ? default : field[..length];
    }

    /// <summary>RFC 4506 section 4.10: opaque data of at most <paramref name="maxLength"/> bytes; also the bytes of a string, section 4.11.</summary>
    /// <returns>As in <see cref="ReadFixedOpaque"/>.</returns>
    public ReadOnlySpan<byte> ReadOpaque(int maxLength)
    {
        uint length = ReadUInt32();
        FailIf(length > (uint)maxLength, "opaque data or a string are longer than their bound");
        return HasFailed ? default : ReadFixedOpaque((int)length);
    }

    /// <summary>Skips bytes that the caller has read from <see cref="Rest"/>.</summary>
    public void Skip(int count) => Take((uint)count);

    /// <summary>Marks what was read as invalid, as if a read had failed.</summary>
    /// <param name="why">What is wrong, for <see cref="Failure"/>.</param>
    public void Fail(string why = "it makes no sense")
    {
        Failure ??= why;
        _rest = default;
    }

    /// <summary>How many zero bytes follow this many bytes, up to a multiple of four: RFC 4506 section 3.</summary>
    public static int Padding(int length) => -length & 3;

    // The next bytes; empty, and a failure, if there are too few.
    private ReadOnlySpan<byte> Take(uint count)
    {
        ReadOnlySpan<byte> rest = _rest;
        if (count > (uint)rest.Length)
        {
            Fail("there are too few bytes");
            return default;
        }

        _rest = rest[(int)count..];
        return rest[..(int)count];
    }

    private void FailIf(bool wrong, string why)
    {
        if (wrong)
            Fail(why);
    }
}
