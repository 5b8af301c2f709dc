using System.Text;
using Multiplex.Engine;
using Multiplex.Protocols;
using Multiplex.Sockets;

namespace Multiplex.Tests;

public class RequestPumpTests
{
    private LineProtocol _protocol = null!;
    private FramingProgress _progress;
    private OutputBuffer _reply = null!;

    [SetUp]
    public void Start_anew() => (_protocol, _progress, _reply) = (new(), default, new());

    [TestCase("", "", "", PumpStop.NeedsInput)]
    [TestCase("half", "", "half", PumpStop.NeedsInput)]
    [TestCase("one\n", "ONE\n", "", PumpStop.NeedsInput)]
    [TestCase("one\ntwo\nthree\n", "ONE\nTWO\nTHREE\n", "", PumpStop.NeedsInput)]
    [TestCase("one\ntwo\nha", "ONE\nTWO\n", "ha", PumpStop.NeedsInput)]
    [TestCase("one\n-silent\ntwo\n", "ONE\nTWO\n", "", PumpStop.NeedsInput)]
    [TestCase("one\n~two\nthree\n", "ONE\n", "~two\nthree\n", PumpStop.Paused)]
    [TestCase("~one\ntwo\n", "~ONE\n", "two\n", PumpStop.Paused)]
    [TestCase("~one\nha", "~ONE\n", "ha", PumpStop.Paused)]
    [TestCase("one\n~two\n", "ONE\n", "~two\n", PumpStop.Paused)]
    [TestCase("one\n~ha", "ONE\n", "~ha", PumpStop.NeedsInput)]
    [TestCase("-silent\n~two\n", "~TWO\n", "", PumpStop.NeedsInput)]
    [TestCase("~one\n", "~ONE\n", "", PumpStop.NeedsInput)]
    [TestCase("one\n!bad\ntwo\n", "ONE\n", "!bad\ntwo\n", PumpStop.Malformed)]
    [TestCase("one\n?unanswerable\ntwo\n", "ONE\n", "?unanswerable\ntwo\n", PumpStop.Malformed)]
    public void Whole_requests_are_answered_in_order_and_the_rest_is_left(
        string received, string replies, string left, PumpStop stop)
    {
        Assert.That(Pump(received, out int consumed), Is.EqualTo(stop));
        Assert.That(Replies, Is.EqualTo(replies));
        Assert.That(received[consumed..], Is.EqualTo(left));
    }

    [Test]
    public void Past_the_mark_it_stops_between_two_requests()
    {
        const string Received = "one\ntwo\nthree\n";
        Assert.That(Pump(Received, out int consumed, mark: 5), Is.EqualTo(PumpStop.OutputFull));
        Assert.That(Replies, Is.EqualTo("ONE\nTWO\n"), "the mark may be passed by one reply");
        Assert.That(Received[consumed..], Is.EqualTo("three\n"));
        _reply.Clear();
        Assert.That(Pump(Received[consumed..], out _, mark: 5), Is.EqualTo(PumpStop.NeedsInput));
        Assert.That(Replies, Is.EqualTo("THREE\n"));
    }

    [Test]
    public void So_many_and_no_more_are_answered_at_once()
    {
        const string Received = "one\ntwo\nthree\nfour\n";
        Assert.That(Pump(Received, out int consumed, atMost: 3), Is.EqualTo(PumpStop.Paused));
        Assert.That((Replies, Received[consumed..]), Is.EqualTo(("ONE\nTWO\nTHREE\n", "four\n")));
        Assert.That(Pump(Received[..consumed], out _, atMost: 3), Is.EqualTo(PumpStop.NeedsInput), "nothing is left");
    }

    [Test]
    public void A_request_that_may_take_long_is_found_again_after_the_replies_before_it_were_sent()
    {
        const string Received = "one\n~two\n";
        Pump(Received, out int consumed);
        _reply.Clear();
        Assert.That(Pump(Received[consumed..], out _), Is.EqualTo(PumpStop.NeedsInput));
        Assert.That(Replies, Is.EqualTo("~TWO\n"));
    }

    [Test]
    public void Framing_goes_on_where_it_got_to_and_starts_anew_with_each_request()
    {
        Pump("one\nhal", out _);
        Assert.That(_progress.Scanned, Is.EqualTo(3));
        Pump("half a request", out _);
        Assert.That(_progress.Scanned, Is.EqualTo(14));
        Pump("half a request\nnext", out int consumed);
        Assert.That(consumed, Is.EqualTo(15));
        Assert.That(_progress.Scanned, Is.EqualTo(4));
        Assert.That(_protocol.LookedAt, Is.EqualTo("one\nhalf a request\nnext".Length), "each byte once");
    }

    [FsCheck.NUnit.Property]
    public void However_the_bytes_arrive_the_replies_are_the_same(NonEmptyLine[] lines, byte[] chunks, byte mark)
    {
        string all = string.Concat(lines.Select(line => line.Text + "\n"));
        (_progress, _reply) = (default, new());
        StringBuilder replies = new();
        int start = 0, arrived = 0;
        for (int i = 0; arrived < all.Length; i++)
        {
            arrived = Math.Min(all.Length, arrived + 1 + (chunks.Length > 0 ? chunks[i % chunks.Length] % 16 : 0));
            PumpStop stop;
            do
            {
                stop = Pump(all[start..arrived], out int consumed, mark: 1 + mark);
                start += consumed;
                replies.Append(Replies);
                _reply.Clear();
            }
            while (stop == PumpStop.OutputFull);
        }

        Assert.That(replies.ToString(), Is.EqualTo(all.ToUpperInvariant()));
        Assert.That(start, Is.EqualTo(all.Length));
    }

    [Test]
    public void Echo_takes_whatever_is_there_as_one_request()
    {
        PumpStop stop = RequestPump.Consume(
            new EchoProtocol(), "every byte"u8, ref _progress, new Peer(EndpointKind.Tcp, []), _reply, mark: 1, out int consumed);
        Assert.That((stop, consumed, Replies), Is.EqualTo((PumpStop.NeedsInput, 10, "every byte")));
    }

    private string Replies => Encoding.ASCII.GetString(_reply.Written);

    private PumpStop Pump(string received, out int consumed, int mark = int.MaxValue, int atMost = int.MaxValue) => RequestPump.Consume(
        _protocol, Encoding.ASCII.GetBytes(received), ref _progress, new Peer(EndpointKind.Tcp, []), _reply, mark, out consumed, atMost);

    /// <summary>A line without its end, for FsCheck to make.</summary>
    public sealed record NonEmptyLine(byte Length, byte Letter)
    {
        public string Text => new((char)('a' + (Letter % 26)), 1 + (Length % 9));
    }

    /// <summary>A request is a line; the reply is the same in capitals. "!" is malformed, "?" cannot be answered, "-" gets no reply, and "~" may take long.</summary>
    private sealed class LineProtocol : IProtocol
    {
        public int LookedAt { get; private set; }

        public int Frame(ReadOnlySpan<byte> received, ref FramingProgress progress)
        {
            if (received[0] == '!')
                return FrameResult.Malformed;
            int end = received[progress.Scanned..].IndexOf((byte)'\n');
            LookedAt += end >= 0 ? end + 1 : received.Length - progress.Scanned;
            int length = progress.Scanned + end + 1;
            progress.Scanned = received.Length;
            return end >= 0 ? length : FrameResult.Incomplete;
        }

        public bool IsFrameQuick(ReadOnlySpan<byte> frame) => frame[0] != '~';

        public bool AnswerFrame(ReadOnlySpan<byte> frame, in Peer peer, OutputBuffer reply) => AnswerMessage(frame, peer, reply);

        public bool AnswerMessage(ReadOnlySpan<byte> message, in Peer peer, OutputBuffer reply)
        {
            if (message[0] == '?')
                return false;
            if (message[0] == '-')
                return true;
            Ascii.ToUpper(message, reply.Append(message.Length), out _);
            return true;
        }
    }
}
