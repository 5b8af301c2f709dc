using System.Text;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Tests.Rpc.Xdr;

/// <summary>XDR byte for byte, RFC 4506.</summary>
public class XdrExamplesTests : XdrFixture
{
    [Test]
    public void The_example_of_section_7_is_written_as_the_RFC_prints_it()
    {
        OutputBuffer output = new();
        XdrWriter writer = new(output);
        writer.WriteOpaque("sillyprog"u8);   // string filename<>
        writer.WriteInt32(2);                // enum filekind: EXEC
        writer.WriteOpaque("lisp"u8);        // string interpretor<>
        writer.WriteOpaque("john"u8);        // string owner<>
        writer.WriteOpaque("(quit)"u8);      // opaque data<>
        Assert.That(Convert.ToHexString(output.Written), Is.EqualTo(
            "00000009" + "73696C6C" + "7970726F" + "67000000"
            + "00000002"
            + "00000004" + "6C697370"
            + "00000004" + "6A6F686E"
            + "00000006" + "28717569" + "74290000"));
    }

    [TestCase(0u, "00000000")]
    [TestCase(1u, "00000001")]
    [TestCase(0x01020304u, "01020304")]
    [TestCase(uint.MaxValue, "FFFFFFFF")]
    public void An_unsigned_integer_is_big_endian(uint value, string hex)
    {
        Assert.That(Written(writer => writer.WriteUInt32(value)), Is.EqualTo(hex));
        Assert.That(Reader(hex).ReadUInt32(), Is.EqualTo(value));
    }

    [TestCase(-1, "FFFFFFFF")]
    [TestCase(int.MinValue, "80000000")]
    [TestCase(int.MaxValue, "7FFFFFFF")]
    public void An_integer_is_in_two_s_complement(int value, string hex)
    {
        Assert.That(Written(writer => writer.WriteInt32(value)), Is.EqualTo(hex));
        Assert.That(Reader(hex).ReadInt32(), Is.EqualTo(value));
    }

    [TestCase(0x0102030405060708ul, "0102030405060708")]
    [TestCase(ulong.MaxValue, "FFFFFFFFFFFFFFFF")]
    public void A_hyper_integer_has_eight_bytes(ulong value, string hex)
    {
        Assert.That(Written(writer => writer.WriteUInt64(value)), Is.EqualTo(hex));
        Assert.That(Reader(hex).ReadUInt64(), Is.EqualTo(value));
    }

    [TestCase(false, "00000000")]
    [TestCase(true, "00000001")]
    public void A_bool_is_0_or_1(bool value, string hex)
    {
        Assert.That(Written(writer => writer.WriteBool(value)), Is.EqualTo(hex));
        XdrReader reader = Reader(hex);
        Assert.That(reader.ReadBool(), Is.EqualTo(value));
        Assert.That(reader.IsComplete, Is.True);
    }

    [TestCase("00000002")]
    [TestCase("FFFFFFFF")]
    [TestCase("01000000")]
    public void Any_other_bool_fails(string hex)
    {
        XdrReader reader = Reader(hex);
        reader.ReadBool();
        Assert.That(reader.HasFailed, Is.True);
    }

    [TestCase("", "00000000")]
    [TestCase("a", "0000000161000000")]
    [TestCase("ab", "0000000261620000")]
    [TestCase("abc", "0000000361626300")]
    [TestCase("abcd", "0000000461626364")]
    [TestCase("abcde", "000000056162636465000000")]
    public void Opaque_data_is_padded_with_zeros_to_a_multiple_of_four(string text, string hex)
    {
        Assert.That(Written(writer => writer.WriteOpaque(Encoding.ASCII.GetBytes(text))), Is.EqualTo(hex));
        XdrReader reader = Reader(hex);
        Assert.That(Encoding.ASCII.GetString(reader.ReadOpaque(10)), Is.EqualTo(text));
        Assert.That(reader.IsComplete, Is.True);
    }

    [Test]
    public void Padding_is_zero_even_where_the_buffer_held_other_bytes()
    {
        OutputBuffer output = new();
        output.Append(64).Fill(0xEE);
        output.Clear();
        new XdrWriter(output).WriteFixedOpaque("a"u8);
        Assert.That(Convert.ToHexString(output.Written), Is.EqualTo("61000000"));
    }

    [TestCase("0000000161000001", TestName = "Padding_that_is_not_zero_fails_a_strict_reader_alone(last byte)")]
    [TestCase("0000000161FF0000", TestName = "Padding_that_is_not_zero_fails_a_strict_reader_alone(first byte)")]
    [TestCase("0000000361626380", TestName = "Padding_that_is_not_zero_fails_a_strict_reader_alone(only byte)")]
    public void Padding_that_is_not_zero_fails_a_strict_reader_alone(string hex)
    {
        XdrReader strict = new(Convert.FromHexString(hex)) { IsStrict = true };
        Assert.That(strict.ReadOpaque(10).IsEmpty, Is.True);
        Assert.That((strict.HasFailed, strict.Failure), Is.EqualTo((true, "padding is not zero")));

        XdrReader reader = Reader(hex);
        byte[] data = reader.ReadOpaque(10).ToArray();
        Assert.That(data, Is.EqualTo("abc"u8[..data.Length].ToArray()));
        Assert.That(reader.IsComplete, Is.True);
    }

    [TestCase("000000", TestName = "Input_that_is_too_short_fails(no length)")]
    [TestCase("00000001", TestName = "Input_that_is_too_short_fails(no data)")]
    [TestCase("0000000161", TestName = "Input_that_is_too_short_fails(no padding)")]
    [TestCase("000000016100", TestName = "Input_that_is_too_short_fails(half the padding)")]
    [TestCase("0000000261", TestName = "Input_that_is_too_short_fails(half the data)")]
    public void Input_that_is_too_short_fails(string hex)
    {
        XdrReader reader = Reader(hex);
        Assert.That(reader.ReadOpaque(int.MaxValue).IsEmpty, Is.True);
        Assert.That(reader.HasFailed, Is.True);
    }

    [TestCase("FFFFFFFF00000000", int.MaxValue)]
    [TestCase("FFFFFFFD00000000", int.MaxValue)]
    [TestCase("8000000000000000", int.MaxValue)]
    [TestCase("7FFFFFFF00000000", int.MaxValue)]
    [TestCase("0000000561626364", 4)]
    public void A_length_that_cannot_be_fails_without_reading_on(string hex, int most)
    {
        XdrReader reader = Reader(hex);
        Assert.That(reader.ReadOpaque(most).IsEmpty, Is.True);
        Assert.That(reader.HasFailed, Is.True);
    }

    [Test]
    public void After_a_failure_everything_fails()
    {
        XdrReader reader = Reader("0000000200000007000000080000000900000000");
        reader.ReadBool();
        Assert.That(reader.ReadUInt32(), Is.Zero);
        Assert.That(reader.ReadUInt64(), Is.Zero);
        Assert.That(reader.ReadFixedOpaque(1).IsEmpty, Is.True);
        Assert.That(reader.HasFailed, Is.True);
        Assert.That(reader.IsComplete, Is.False);
    }

    [Test]
    public void What_is_left_over_is_not_complete()
    {
        XdrReader reader = Reader("0000000700000000");
        reader.ReadUInt32();
        Assert.That(reader.HasFailed, Is.False);
        Assert.That(reader.IsComplete, Is.False);
        Assert.That(reader.Rest.Length, Is.EqualTo(4));
        reader.Skip(4);
        Assert.That(reader.IsComplete, Is.True);
        reader.Skip(1);
        Assert.That(reader.HasFailed, Is.True);
    }
}
