using System.Buffers.Binary;

namespace Multiplex.Load.Comparison.Stacks;

/// <summary>Reads numbers as .eh_frame has them: LSB "Exception Frames", DWARF 5 section 7.6.</summary>
/// <param name="bytes">The section.</param>
/// <param name="address">Its address.</param>
/// <param name="position">Where to begin.</param>
internal struct FrameReader(byte[] bytes, ulong address, int position)
{
    /// <summary>Where the next number is in the section.</summary>
    public int Position { get; private set; } = position;

    public byte U8() => bytes[Position++];

    public ushort U16() => BinaryPrimitives.ReadUInt16LittleEndian(Next(sizeof(ushort)));

    public uint U32() => BinaryPrimitives.ReadUInt32LittleEndian(Next(sizeof(uint)));

    public void Skip(int count) => Position += count;

    /// <summary>An unsigned number, seven bits a byte.</summary>
    public ulong Uleb()
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte part = U8();
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
                return value;
        }
    }

    /// <summary>A signed number, seven bits a byte.</summary>
    public long Sleb()
    {
        long value = 0;
        int shift = 0;
        byte part;
        do
        {
            part = U8();
            value |= (long)(part & 0x7F) << shift;
            shift += 7;
        }
        while (part >= 0x80);
        return shift < 64 && (part & 0x40) != 0 ? value | (-1L << shift) : value;
    }

    /// <summary>A pointer in an encoding of DW_EH_PE, which gives its size, whether it is signed, and whether it is relative to its own address.</summary>
    public ulong Pointer(int encoding)
    {
        const int Relative = 0x10;
        ulong here = address + (ulong)Position;
        ulong value = (encoding & 0xF) switch
        {
            0x2 => U16(),
            0x3 => U32(),
            0xA => (ulong)(short)U16(),
            0xB => (ulong)(int)U32(),
            _ => BinaryPrimitives.ReadUInt64LittleEndian(Next(sizeof(ulong))),
        };
        return (encoding & 0x70) == Relative ? here + value : value;
    }

    private ReadOnlySpan<byte> Next(int count) => bytes.AsSpan((Position += count) - count, count);
}
