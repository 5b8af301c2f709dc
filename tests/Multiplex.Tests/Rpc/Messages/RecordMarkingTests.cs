using System.Buffers.Binary;

namespace Multiplex.Tests.Rpc.Messages;

/// <summary>Record marking byte for byte, RFC 5531 section 11.</summary>
public class RecordMarkingTests
{
    private const int MaxRecord = 1000;

    [TestCase("80000004DEADBEEF", 8)]
    [TestCase("80000000", 4)]
    [TestCase("80000001AA80000001BB", 5, TestName = "A_whole_record_is_found(of two)")]
    [TestCase("00000002AAAA80000001BB", 11, TestName = "A_whole_record_is_found(of two fragments)")]
    [TestCase("00000001AA00000001BB80000000", 14, TestName = "A_whole_record_is_found(last fragment empty)")]
    public void A_whole_record_is_found(string hex, int length)
    {
        FramingProgress progress = default;
        Assert.That(RecordMarking.Frame(Convert.FromHexString(hex), ref progress, MaxRecord), Is.EqualTo(length));
    }

    [TestCase("80")]
    [TestCase("800000")]
    [TestCase("80000001")]
    [TestCase("80000004DEADBE")]
    [TestCase("00000001AA")]
    [TestCase("00000001AA80")]
    [TestCase("00000001AA80000001")]
    [TestCase("800003E8")]
    public void Half_a_record_is_incomplete_and_no_error(string hex)
    {
        FramingProgress progress = default;
        Assert.That(RecordMarking.Frame(Convert.FromHexString(hex), ref progress, MaxRecord), Is.EqualTo(FrameResult.Incomplete));
    }

    [TestCase("00000000", TestName = "What_can_never_become_a_record_is_malformed(empty fragment)")]
    [TestCase("00000001AA00000000", TestName = "What_can_never_become_a_record_is_malformed(empty fragment in between)")]
    [TestCase("800003E9", TestName = "What_can_never_become_a_record_is_malformed(one byte too long)")]
    [TestCase("FFFFFFFF", TestName = "What_can_never_become_a_record_is_malformed(2 GiB)")]
    [TestCase("7FFFFFFF", TestName = "What_can_never_become_a_record_is_malformed(2 GiB and more to come)")]
    [TestCase("00000001AA800003E8", TestName = "What_can_never_become_a_record_is_malformed(one byte too long in two fragments)")]
    public void What_can_never_become_a_record_is_malformed(string hex)
    {
        FramingProgress progress = default;
        Assert.That(RecordMarking.Frame(Convert.FromHexString(hex), ref progress, MaxRecord), Is.EqualTo(FrameResult.Malformed));
    }

    [TestCase("GET / HTTP/1.1\r\n")]
    [TestCase("SSH-2.0-OpenSSH_9.6\r\n")]
    [TestCase("\u0016\u0003\u0001\u0002\u0000\u0001", TestName = "Other_protocols_are_malformed_at_the_first_four_bytes(TLS)")]
    public void Other_protocols_are_malformed_at_the_first_four_bytes(string hello)
    {
        FramingProgress progress = default;
        byte[] bytes = System.Text.Encoding.Latin1.GetBytes(hello);
        Assert.That(new RpcProtocol().Frame(bytes.AsSpan(0, 3), ref progress), Is.EqualTo(FrameResult.Incomplete));
        Assert.That(new RpcProtocol().Frame(bytes.AsSpan(0, 4), ref progress), Is.EqualTo(FrameResult.Malformed));
    }

    [Test]
    public void A_record_of_just_the_limit_is_whole()
    {
        byte[] record = [0x00, 0x00, 0x01, 0xF4, .. new byte[500], 0x80, 0x00, 0x01, 0xF4, .. new byte[500]];
        FramingProgress progress = default;
        Assert.That(RecordMarking.Frame(record, ref progress, MaxRecord), Is.EqualTo(record.Length));
    }

    [Test]
    public void Fragments_that_have_been_seen_whole_are_not_looked_at_again()
    {
        const int Fragments = 1000;
        byte[] record = [.. Enumerable.Range(1, Fragments)
            .SelectMany(i => new byte[] { (byte)(i == Fragments ? 0x80 : 0), 0, 0, 1, (byte)i })];
        FramingProgress progress = default;
        for (int have = 1; have < record.Length; have++)
        {
            Assert.That(RecordMarking.Frame(record.AsSpan(0, have), ref progress, MaxRecord), Is.EqualTo(FrameResult.Incomplete));
            Assert.That(progress.Scanned, Is.EqualTo(have / 5 * 5));
            Assert.That(progress.Length, Is.EqualTo(have / 5));

            // If it were read again, it would seem to have empty fragments, which are malformed.
            record.AsSpan(0, progress.Scanned).Clear();
        }

        Assert.That(RecordMarking.Frame(record, ref progress, MaxRecord), Is.EqualTo(record.Length));
    }

    [Test]
    public void A_record_that_is_more_headers_than_message_is_malformed_in_the_end()
    {
        const int Fragments = RecordMarking.MaxHeaderBytes / RecordMarking.HeaderLength;
        byte[] flood = new byte[5 * Fragments];
        for (int i = 0; i < flood.Length; i += 5)
            flood[i + 3] = 1;
        FramingProgress progress = default;
        Assert.That(
            RecordMarking.Frame(flood.AsSpan(0, flood.Length - 1), ref progress, 1 << 20),
            Is.EqualTo(FrameResult.Incomplete));
        Assert.That(RecordMarking.Frame(flood, ref progress, 1 << 20), Is.EqualTo(FrameResult.Malformed));
    }

    [Test]
    public void What_is_written_is_one_fragment_with_its_length()
    {
        OutputBuffer output = new();
        output.Write("before"u8);
        int start = RecordMarking.Begin(output);
        output.Write("message"u8);
        RecordMarking.End(output, start);
        Assert.That(output.Written[6..].ToArray(), Is.EqualTo((byte[])[0x80, 0, 0, 7, .. "message"u8]));
        Assert.That(RecordMarking.IsSingleFragment(output.Written[6..]), Is.True);
    }

    [FsCheck.NUnit.Property]
    public void Any_split_into_fragments_and_any_chunks_of_arrival_give_back_the_messages(
        byte[][] messages, byte[] cuts, byte[] chunks)
    {
        byte[] stream = [.. messages.SelectMany((message, i) => InFragments(message, cuts, i))];
        List<byte[]> found = [];
        FramingProgress progress = default;
        int start = 0, arrived = 0;
        for (int i = 0; arrived < stream.Length; i++)
        {
            arrived = Math.Min(stream.Length, arrived + 1 + (chunks.Length > 0 ? chunks[i % chunks.Length] % 32 : 0));
            while (start < arrived)
            {
                int length = RecordMarking.Frame(stream.AsSpan(start..arrived), ref progress, MaxRecord);
                if (length == FrameResult.Incomplete)
                    break;
                Assert.That(length, Is.Positive);
                byte[] message = new byte[length];
                found.Add(message[..RecordMarking.Reassemble(stream.AsSpan(start, length), message)]);
                start += length;
                progress = default;
            }
        }

        Assert.That(start, Is.EqualTo(stream.Length));
        Assert.That(found, Is.EqualTo(messages));
    }

    // A message as a record in fragments of random sizes; only the last may be empty.
    private static IEnumerable<byte> InFragments(byte[] message, byte[] cuts, int draw)
    {
        int at = 0;
        foreach (byte cut in cuts.Skip(draw).Take(5))
        {
            int length = 1 + (cut % 7);
            if (at + length > message.Length)
                break;
            foreach (byte b in Header((uint)length).Concat(message.Skip(at).Take(length)))
                yield return b;
            at += length;
        }

        foreach (byte b in Header(RecordMarking.LastFragment | (uint)(message.Length - at)).Concat(message.Skip(at)))
            yield return b;
    }

    private static byte[] Header(uint value)
    {
        byte[] header = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(header, value);
        return header;
    }
}
