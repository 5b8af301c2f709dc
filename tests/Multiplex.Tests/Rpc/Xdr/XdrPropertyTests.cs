using System.Text;
using FsCheck;
using Multiplex.Rpc.Xdr;
using FsCheckProperty = FsCheck.NUnit.PropertyAttribute;

namespace Multiplex.Tests.Rpc.Xdr;

/// <summary>What holds for XDR whatever the values.</summary>
public class XdrPropertyTests
{
    [FsCheckProperty]
    public void What_is_written_is_read_back(uint a, int b, ulong c, bool d, byte[] e, byte[] f, uint g)
    {
        OutputBuffer output = new();
        XdrWriter writer = new(output);
        writer.WriteUInt32(a);
        writer.WriteInt32(b);
        writer.WriteUInt64(c);
        writer.WriteBool(d);
        writer.WriteOpaque(e);
        writer.WriteFixedOpaque(f);
        writer.WriteUInt32(g);

        XdrReader reader = new(output.Written);
        Assert.That(reader.ReadUInt32(), Is.EqualTo(a));
        Assert.That(reader.ReadInt32(), Is.EqualTo(b));
        Assert.That(reader.ReadUInt64(), Is.EqualTo(c));
        Assert.That(reader.ReadBool(), Is.EqualTo(d));
        Assert.That(reader.ReadOpaque(e.Length).ToArray(), Is.EqualTo(e));
        Assert.That(reader.ReadFixedOpaque(f.Length).ToArray(), Is.EqualTo(f));
        Assert.That(reader.ReadUInt32(), Is.EqualTo(g));
        Assert.That(reader.IsComplete, Is.True);
    }

    [FsCheckProperty]
    public void Every_other_primitive_is_read_back_to_the_bit(long a, float b, double c, sbyte d, byte e, short f, ushort g)
    {
        OutputBuffer output = new();
        XdrWriter writer = new(output);
        writer.WriteInt64(a);
        writer.WriteSingle(b);
        writer.WriteDouble(c);
        writer.WriteInt32(d);
        writer.WriteUInt32(e);
        writer.WriteInt32(f);
        writer.WriteUInt32(g);

        XdrReader reader = new(output.Written);
        Assert.That(reader.ReadInt64(), Is.EqualTo(a));
        Assert.That(BitConverter.SingleToInt32Bits(reader.ReadSingle()), Is.EqualTo(BitConverter.SingleToInt32Bits(b)));
        Assert.That(BitConverter.DoubleToInt64Bits(reader.ReadDouble()), Is.EqualTo(BitConverter.DoubleToInt64Bits(c)));
        Assert.That(reader.ReadInt32(sbyte.MinValue, sbyte.MaxValue), Is.EqualTo(d));
        Assert.That(reader.ReadUInt32(byte.MaxValue), Is.EqualTo(e));
        Assert.That(reader.ReadInt32(short.MinValue, short.MaxValue), Is.EqualTo(f));
        Assert.That(reader.ReadUInt32(ushort.MaxValue), Is.EqualTo(g));
        Assert.That(reader.IsComplete, Is.True);
    }

    [FsCheckProperty]
    public void Strings_and_arrays_are_read_back(NonNull<string> text, int[] numbers, uint? some)
    {
        string valid = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text.Get));   // without halves of surrogate pairs
        OutputBuffer output = new();
        XdrWriter writer = new(output);
        writer.WriteString(valid, int.MaxValue);
        writer.WriteArray(numbers, numbers.Length, static (writer, value) => writer.WriteInt32(value));
        writer.WriteFixedArray(numbers, numbers.Length, static (writer, value) => writer.WriteInt32(value));
        writer.WriteOptional(some, static (writer, value) => writer.WriteUInt32(value));

        XdrReader reader = new(output.Written);
        Assert.That(reader.ReadString(Encoding.UTF8.GetByteCount(valid)), Is.EqualTo(valid));
        Assert.That(reader.ReadArray(numbers.Length, 4, static (ref XdrReader reader) => reader.ReadInt32()), Is.EqualTo(numbers));
        Assert.That(reader.ReadFixedArray(numbers.Length, 4, static (ref XdrReader reader) => reader.ReadInt32()), Is.EqualTo(numbers));
        Assert.That(reader.ReadBool() ? (uint?)reader.ReadUInt32() : null, Is.EqualTo(some));
        Assert.That(reader.IsComplete, Is.True);
    }

    [FsCheckProperty]
    public void Everything_is_a_multiple_of_four_bytes(byte[] data)
    {
        OutputBuffer output = new();
        new XdrWriter(output).WriteOpaque(data);
        Assert.That(output.Length % 4, Is.Zero);
        Assert.That(output.Length - 4 - data.Length, Is.InRange(0, 3).And.EqualTo(XdrReader.Padding(data.Length)));
    }

    [FsCheckProperty]
    public void Whatever_is_cut_off_is_noticed(byte[] data, int cut)
    {
        OutputBuffer output = new();
        new XdrWriter(output).WriteOpaque(data);
        XdrReader reader = new(output.Written[..(int)((uint)cut % output.Length)]);
        reader.ReadOpaque(int.MaxValue);
        Assert.That(reader.HasFailed, Is.True);
    }

    [FsCheckProperty(MaxTest = 1000)]
    public void Random_bytes_never_throw_and_nothing_is_read_beyond_them(byte[] bytes, byte[] reads)
    {
        XdrReader reader = new(bytes);
        int taken = 0;
        foreach (byte read in reads)
        {
            int before = reader.Rest.Length;
            taken += (read % 10) switch
            {
                6 => Encoding.UTF8.GetByteCount(reader.ReadString(read)),
                7 => 4 * reader.ReadArray(read, 4, static (ref XdrReader reader) => reader.ReadInt32()).Length,
                8 => 4 * reader.ReadFixedArray(read, 4, static (ref XdrReader reader) => reader.ReadInt32()).Length,
                9 => Use(reader.ReadEnum(0, 1, 2, 5), 4),
                0 => Use(reader.ReadUInt32(), 4),
                1 => Use(reader.ReadUInt64(), 8),
                2 => Use(reader.ReadBool(), 4),
                3 => reader.ReadOpaque(read).Length,
                4 => reader.ReadFixedOpaque(read).Length,
                _ => Use(reader.ReadInt32(), 4),
            };
            Assert.That(reader.Rest.Length, Is.LessThanOrEqualTo(before));
        }

        Assert.That(reader.HasFailed || taken <= bytes.Length, Is.True);
        static int Use<T>(T _, int size) => size;
    }

    [Test]
    public void Neither_reading_nor_writing_allocates()
    {
        OutputBuffer output = new();
        byte[] data = new byte[1001];
        AllocationRounds rounds = new();
        bool complete = true;
        while (rounds.Next())
        {
            output.Clear();
            XdrWriter writer = new(output);
            writer.WriteUInt32(1);
            writer.WriteUInt64(2);
            writer.WriteBool(true);
            writer.WriteOpaque(data);
            XdrReader reader = new(output.Written);
            reader.ReadUInt32();
            reader.ReadUInt64();
            reader.ReadBool();
            reader.ReadOpaque(data.Length);
            complete &= reader.IsComplete;
        }

        Assert.That(rounds.Least, Is.Zero);
        Assert.That(complete, Is.True);
    }
}
