using System.Text;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Tests.Rpc.Xdr;

/// <summary>The rest of XDR byte for byte, RFC 4506: numbers of all kinds, strings, arrays, optional data, and what is out of bounds.</summary>
public class XdrCompositesTests : XdrFixture
{
    [TestCase(-1L, "FFFFFFFFFFFFFFFF")]
    [TestCase(long.MinValue, "8000000000000000")]
    public void A_hyper_integer_is_in_two_s_complement(long value, string hex)
    {
        Assert.That(Written(writer => writer.WriteInt64(value)), Is.EqualTo(hex));
        Assert.That(Reader(hex).ReadInt64(), Is.EqualTo(value));
    }

    [TestCase(1f, "3F800000")]
    [TestCase(-0f, "80000000")]
    [TestCase(float.PositiveInfinity, "7F800000")]
    [TestCase(float.Epsilon, "00000001")]
    public void A_float_is_single_precision_IEEE(float value, string hex)
    {
        Assert.That(Written(writer => writer.WriteSingle(value)), Is.EqualTo(hex));
        Assert.That(Reader(hex).ReadSingle(), Is.EqualTo(value));
    }

    [TestCase(1d, "3FF0000000000000")]
    [TestCase(double.NegativeInfinity, "FFF0000000000000")]
    [TestCase(-2.5, "C004000000000000")]
    public void A_double_is_double_precision_IEEE(double value, string hex)
    {
        Assert.That(Written(writer => writer.WriteDouble(value)), Is.EqualTo(hex));
        Assert.That(Reader(hex).ReadDouble(), Is.EqualTo(value));
    }

    [Test]
    public void A_string_is_its_UTF_8_and_its_bound_counts_bytes()
    {
        const string Text = "größe";   // 7 bytes
        Assert.That(Written(writer => writer.WriteString(Text, 7)), Is.EqualTo("00000007" + "6772C3B6" + "C39F6500"));
        Assert.That(() => Written(writer => writer.WriteString(Text, 6)), Throws.ArgumentException.With.Message.Contains("at most 6"));
        XdrReader reader = Reader("00000007" + "6772C3B6" + "C39F6500");
        Assert.That(reader.ReadString(7), Is.EqualTo(Text));
        Assert.That(reader.IsComplete, Is.True);
        reader = Reader("00000007" + "6772C3B6" + "C39F6500");
        Assert.That(reader.ReadString(6), Is.Empty);
        Assert.That(reader.HasFailed, Is.True);
    }

    [TestCase("00000001FF000000")]
    [TestCase("00000002C3280000")]
    [TestCase("00000003EDA08000")]   // half a surrogate pair
    public void A_string_that_is_not_UTF_8_fails(string hex)
    {
        XdrReader reader = Reader(hex);
        Assert.That(reader.ReadString(100), Is.Empty);
        Assert.That((reader.HasFailed, reader.Failure), Is.EqualTo((true, "a string is not UTF-8")));
    }

    [TestCase("00000001FF000000", @"\udcff")]
    [TestCase("00000002C3280000", @"\udcc3\(")]
    [TestCase("00000003EDA08000", @"\udced\udca0\udc80")]
    [TestCase("000000056CE974C3A9000000", @"l\udce9té")]
    [TestCase("00000008F09F9880F09F98E9", @"😀\udcf0\udc9f\udc98\udce9")]
    public void Where_anything_is_accepted_it_is_text_that_is_written_as_the_same_bytes(string hex, string escaped)
    {
        string text = System.Text.RegularExpressions.Regex.Unescape(escaped);   // an attribute holds no half of a pair
        XdrReader reader = new(Convert.FromHexString(hex)) { AcceptsUnknown = true };
        string read = reader.ReadString(100);
        Assert.That(reader.IsComplete, Is.True);
        Assert.That(read, Is.EqualTo(text));
        Assert.That(Written(writer => writer.WriteString(read, 8)), Is.EqualTo(hex));
        Assert.That(XdrText.GetString(XdrText.GetBytes(read)), Is.EqualTo(text));
    }

    [Test]
    public void Any_bytes_at_all_come_back_as_they_were()
    {
        Random random = new(20261125);
        for (int i = 0; i < 10_000; i++)
        {
            byte[] bytes = new byte[random.Next(20)];
            random.NextBytes(bytes);
            Assert.That(XdrText.GetBytes(XdrText.GetString(bytes)), Is.EqualTo(bytes), () => Convert.ToHexString(bytes));
        }
    }

    [Test]
    public void Half_a_surrogate_pair_that_stands_for_no_byte_is_not_written() =>
        Assert.That(() => Written(writer => writer.WriteString("\ud800", 100)), Throws.InstanceOf<ArgumentException>());

    [Test]
    public void An_array_is_its_count_and_its_elements()
    {
        Assert.That(
            Written(writer => writer.WriteArray([1u, 2u], 2, static (writer, value) => writer.WriteUInt32(value))),
            Is.EqualTo("00000002" + "00000001" + "00000002"));
        Assert.That(
            Written(writer => writer.WriteFixedArray([1u, 2u], 2, static (writer, value) => writer.WriteUInt32(value))),
            Is.EqualTo("00000001" + "00000002"));
    }

    [Test]
    public void Optional_data_is_a_bool_and_what_is_there()
    {
        Assert.That(Written(writer => writer.WriteOptional((string?)null, static (writer, value) => writer.WriteString(value, 9))), Is.EqualTo("00000000"));
        Assert.That(
            Written(writer => writer.WriteOptional("a", static (writer, value) => writer.WriteString(value, 9))),
            Is.EqualTo("00000001" + "00000001" + "61000000"));
        Assert.That(Written(writer => writer.WriteOptional((uint?)7, static (writer, value) => writer.WriteUInt32(value))), Is.EqualTo("0000000100000007"));
    }

    [TestCase("00000003" + "00000001" + "00000002", 9, TestName = "A_count_without_its_elements_fails(one is missing)")]
    [TestCase("00000003" + "00000001" + "00000002" + "00000003", 2, TestName = "A_count_without_its_elements_fails(over the bound)")]
    [TestCase("FFFFFFFF" + "00000001", int.MaxValue, TestName = "A_count_without_its_elements_fails(4294967295)")]
    [TestCase("7FFFFFFF" + "00000001", int.MaxValue, TestName = "A_count_without_its_elements_fails(2147483647)")]
    [TestCase("40000001" + "00000001", int.MaxValue, TestName = "A_count_without_its_elements_fails(times four overflows)")]
    public void A_count_without_its_elements_fails(string hex, int most)
    {
        XdrReader reader = Reader(hex);
        long before = GC.GetAllocatedBytesForCurrentThread();
        uint[] elements = reader.ReadArray(most, 4, static (ref XdrReader reader) => reader.ReadUInt32());
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1000), "nothing is allocated for what is not there");
        Assert.That(elements, Is.Empty);
        Assert.That(reader.HasFailed, Is.True);
    }

    [Test]
    public void Elements_that_take_no_bytes_are_not_believed_in_without_end()
    {
        XdrReader reader = Reader("7FFFFFFF" + "00000000");
        Assert.That(reader.ReadArray(int.MaxValue, 0, static (ref XdrReader _) => 0), Is.Empty);
        Assert.That(reader.HasFailed, Is.True);
    }

    [Test]
    public void What_is_out_of_bounds_is_not_written()
    {
        byte[] data = new byte[5];
        int[] numbers = new int[5];
        Assert.That(() => Written(writer => writer.WriteOpaque(data, 4)), Throws.ArgumentException);
        Assert.That(() => Written(writer => writer.WriteFixedOpaque(data, 6)), Throws.ArgumentException);
        Assert.That(() => Written(writer => writer.WriteArray(numbers, 4, static (writer, value) => writer.WriteInt32(value))), Throws.ArgumentException);
        Assert.That(() => Written(writer => writer.WriteFixedArray(numbers, 4, static (writer, value) => writer.WriteInt32(value))), Throws.ArgumentException);
        Assert.That(() => Written(writer => writer.WriteEnum(3, 1, 2, 4)), Throws.ArgumentException);
        Assert.That(() => Written(writer => writer.WriteInt32(3, 0, 2)), Throws.ArgumentException);
    }

    [TestCase("00000003")]
    [TestCase("FFFFFFFF")]
    public void A_value_that_an_enum_does_not_have_fails(string hex)
    {
        XdrReader reader = Reader(hex);
        Assert.That(reader.ReadEnum(1, 2, 4), Is.Zero);
        Assert.That(reader.HasFailed, Is.True);
        reader = Reader(hex);
        Assert.That(reader.ReadInt32(0, 2), Is.Zero);
        Assert.That(reader.HasFailed, Is.True);
    }

    [TestCase("00000080", TestName = "A_small_integer_out_of_its_range_fails(char 128)")]
    [TestCase("FFFFFF7F", TestName = "A_small_integer_out_of_its_range_fails(char -129)")]
    public void A_small_integer_out_of_its_range_fails(string hex)
    {
        XdrReader reader = Reader(hex);
        reader.ReadInt32(sbyte.MinValue, sbyte.MaxValue);
        Assert.That(reader.HasFailed, Is.True);
    }

    [Test]
    public void An_unsigned_char_of_256_fails()
    {
        XdrReader reader = Reader("00000100");
        reader.ReadUInt32(byte.MaxValue);
        Assert.That(reader.HasFailed, Is.True);
    }

    [Test]
    public void Values_stand_only_so_deep_in_values_of_the_same_type()
    {
        XdrReader reader = Reader("00000000");
        for (int i = 0; i < XdrReader.MaxDepth; i++)
            Assert.That(reader.TryEnter(), Is.True);
        Assert.That(reader.TryEnter(), Is.False);
        Assert.That(reader.HasFailed, Is.True);
        Assert.That(
            () =>
            {
                XdrWriter writer = new(new OutputBuffer());
                for (int i = 0; i < XdrReader.MaxDepth; i++)
                    writer = writer.Enter();
                writer.Enter();
            },
            Throws.ArgumentException);
    }

    [Test]
    public void Text_that_was_read_is_written_without_allocation()
    {
        OutputBuffer output = new();
        string text = new('ß', 500);
        AllocationRounds rounds = new();
        while (rounds.Next())
        {
            output.Clear();
            new XdrWriter(output).WriteString(text, 1000);
        }

        Assert.That(rounds.Least, Is.Zero);
        Assert.That(Encoding.UTF8.GetString(output.Written[4..]), Is.EqualTo(text));
    }
}
