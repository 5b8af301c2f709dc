using System.Buffers.Binary;

namespace Multiplex.Rpc.Xdr;

/// <summary>
/// Unmarshals: reads values in XDR's canonical form (RFC 4506) from bytes that are there. Big-endian, in units of four
/// bytes. Nothing is allocated, and no declared length is believed before the bytes behind it have been seen.
/// </summary>
/// <remarks>
/// A read that fails returns a default value and fails all that follow, so that a caller decodes a whole structure first
/// and asks <see cref="IsComplete"/> once.
/// </remarks>
public ref struct XdrReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _position;

    /// <summary>Whether a read has failed: too few bytes, a length over its limit, padding that is not zero, a bool not 0 or 1.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>Whether everything was decoded and nothing is left over.</summary>
    public readonly bool IsComplete => !HasFailed && _position == _bytes.Length;

    /// <summary>What has not been read yet.</summary>
    public readonly ReadOnlySpan<byte> Rest => _bytes[_position..];

    /// <summary>RFC 4506 section 4.2: unsigned integer.</summary>
    public uint ReadUInt32() => TryTake(sizeof(uint), out ReadOnlySpan<byte> field) ? BinaryPrimitives.ReadUInt32BigEndian(field) : 0;

    /// <summary>RFC 4506 section 4.1: integer; also enum, section 4.3.</summary>
    public int ReadInt32() => (int)ReadUInt32();

    /// <summary>RFC 4506 section 4.4: bool, 0 or 1.</summary>
    public bool ReadBool()
    {
        uint value = ReadUInt32();
        HasFailed |= value > 1;
        return value == 1;
    }

    /// <summary>RFC 4506 section 4.5: unsigned hyper integer.</summary>
    public ulong ReadUInt64() => TryTake(sizeof(ulong), out ReadOnlySpan<byte> field) ? BinaryPrimitives.ReadUInt64BigEndian(field) : 0;

    /// <summary>RFC 4506 section 4.9: fixed-length opaque data, with its padding.</summary>
    public ReadOnlySpan<byte> ReadFixedOpaque(int length)
    {
        int padding = Padding(length);
        if (!TryTake((long)length + padding, out ReadOnlySpan<byte> field))
            return default;
        if (padding > 0 && field[length..].ContainsAnyExcept((byte)0))
            HasFailed = true;
        return HasFailed ? default : field[..length];
    }

    /// <summary>RFC 4506 section 4.10: opaque data of at most <paramref name="maxLength"/> bytes; also string, section 4.11.</summary>
    public ReadOnlySpan<byte> ReadOpaque(int maxLength)
    {
        uint length = ReadUInt32();
        if (length > (uint)maxLength)
            HasFailed = true;
        return HasFailed ? default : ReadFixedOpaque((int)length);
    }

    /// <summary>Passes over bytes that the caller has seen in <see cref="Rest"/>.</summary>
    public void Skip(int count) => TryTake(count, out _);

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
