using System.Text;
using Multiplex.Engine;
using Multiplex.Protocols;
using Multiplex.Sockets;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Engine;

public class RequestReaderTests
{
    private LineProtocol _protocol = null!;
    private FramingProgress _progress;
    private OutputBuffer _reply = null!;

    [SetUp]
    public void Start_anew() => (_protocol, _progress, _reply) = (new(), default, new());

    [TestCase("", "", "", ReadOutcome.NeedsInput)]
    [TestCase("half", "", "half", ReadOutcome.NeedsInput)]
    [TestCase("one\n", "ONE\n", "", ReadOutcome.NeedsInput)]
    [TestCase("one\ntwo\nthree\n", "ONE\nTWO\nTHREE\n", "", ReadOutcome.NeedsInput)]
    [TestCase("one\ntwo\nha", "ONE\nTWO\n", "ha", ReadOutcome.NeedsInput)]
    [TestCase("one\n-silent\ntwo\n", "ONE\nTWO\n", "", ReadOutcome.NeedsInput)]
    [TestCase("one\n~two\nthree\n", "ONE\n", "~two\nthree\n", ReadOutcome.Paused)]
    [TestCase("~one\ntwo\n", "~ONE\n", "two\n", ReadOutcome.Paused)]
    [TestCase("~one\nha", "~ONE\n", "ha", ReadOutcome.Paused)]
    [TestCase("one\n~two\n", "ONE\n", "~two\n", ReadOutcome.Paused)]
    [TestCase("one\n~ha", "ONE\n", "~ha", ReadOutcome.NeedsInput)]
    [TestCase("-silent\n~two\n", "~TWO\n", "", ReadOutcome.NeedsInput)]
    [TestCase("~one\n", "~ONE\n", "", ReadOutcome.NeedsInput)]
    [TestCase("one\n!bad\ntwo\n", "ONE\n", "!bad\ntwo\n", ReadOutcome.Malformed)]
    [TestCase("one\n?unanswerable\ntwo\n", "ONE\n", "?unanswerable\ntwo\n", ReadOutcome.Malformed)]
    public void Whole_requests_are_answered_in_order_and_the_rest_is_left(
        string received, string replies, string left, ReadOutcome stop)
    {
        Assert.That(Pump(received, out int consumed), Is.EqualTo(stop));
        Assert.That(Replies, Is.EqualTo(replies));
        Assert.That(received[consumed..], Is.EqualTo(left));
    }

    [Test]
    public void Past_the_mark_it_stops_between_two_requests()
    {
        const string Received = "one\ntwo\nthree\n";
        Assert.That(Pump(Received, out int consumed, mark: 5), Is.EqualTo(ReadOutcome.OutputFull));
        Assert.That(Replies, Is.EqualTo("ONE\nTWO\n"), "the mark may be passed by one reply");
        Assert.That(Received[consumed..], Is.EqualTo("three\n"));
        _reply.Clear();
        Assert.That(Pump(Received[consumed..], out _, mark: 5), Is.EqualTo(ReadOutcome.NeedsInput));
        Assert.That(Replies, Is.EqualTo("THREE\n"));
    }

    [Test]
    public void So_many_and_no_more_are_answered_at_once()
    {
        const string Received = "one\ntwo\nthree\nfour\n";
        Assert.That(Pump(Received, out int consumed, atMost: 3), Is.EqualTo(ReadOutcome.Paused));
        Assert.That((Replies, Received[consumed..]), Is.EqualTo(("ONE\nTWO\nTHREE\n", "four\n")));
        Assert.That(Pump(Received[..consumed], out _, atMost: 3), Is.EqualTo(ReadOutcome.NeedsInput), "nothing is left");
    }

    [Test]
    public void A_request_that_may_take_long_is_found_again_after_the_replies_before_it_were_sent()
    {
        const string Received = "one\n~two\n";
        Pump(Received, out int consumed);
        _reply.Clear();
        Assert.That(Pump(Received[consumed..], out _), Is.EqualTo(ReadOutcome.NeedsInput));
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
            ReadOutcome stop;
            do
            {
                stop = Pump(all[start..arrived], out int consumed, mark: 1 + mark);
                start += consumed;
                replies.Append(Replies);
                _reply.Clear();
            }
            while (stop == ReadOutcome.OutputFull);
        }

        Assert.That(replies.ToString(), Is.EqualTo(all.ToUpperInvariant()));
        Assert.That(start, Is.EqualTo(all.Length));
    }

    [Test]
    public void Echo_takes_whatever_is_there_as_one_request()
    {
        int left = int.MaxValue;
        ReadOutcome stop = RequestReader.Consume(
            new EchoProtocol(), "every byte"u8, ref _progress, new Peer(EndpointKind.Tcp, []), _reply, mark: 1, out int consumed, ref left);
        Assert.That((stop, consumed, Replies), Is.EqualTo((ReadOutcome.NeedsInput, 10, "every byte")));
    }

    private string Replies => Encoding.ASCII.GetString(_reply.Written);

    private ReadOutcome Pump(string received, out int consumed, int mark = int.MaxValue, int atMost = int.MaxValue)
    {
        int left = atMost;
        ReadOutcome outcome = RequestReader.Consume(
            _protocol, Encoding.ASCII.GetBytes(received), ref _progress, new Peer(EndpointKind.Tcp, []), _reply, mark, out consumed, ref left);
        Assert.That(atMost - left, Is.EqualTo(received[..consumed].Count(letter => letter == '\n')), "each request that is answered is counted down");
        return outcome;
    }

    /// <summary>A line without its end, for FsCheck to make.</summary>
    public sealed record NonEmptyLine(byte Length, byte Letter)
    {
        public string Text => new((char)('a' + (Letter % 26)), 1 + (Length % 9));
    }
}
