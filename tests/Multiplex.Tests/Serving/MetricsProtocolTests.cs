using System.Text;
using Multiplex.Cli.Serving.Metrics;
using Multiplex.Engine;
using Multiplex.Sockets;

namespace Multiplex.Tests.Serving;

/// <summary>The HTTP of <c>serve --metrics</c>.</summary>
public class MetricsProtocolTests
{
    private const string Text = "# TYPE x gauge\nx 1\n", OpenText = "# TYPE x gauge\nx 1\n# EOF\n";

    private readonly MetricsProtocol _protocol = new(isOpenMetrics => isOpenMetrics ? OpenText : Text);

    [TestCase("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "200", ReadOutcome.NeedsInput, Text)]
    [TestCase("GET /metrics?a=b HTTP/1.1\r\n\r\n", "200", ReadOutcome.NeedsInput, Text)]
    [TestCase("GET /metrics HTTP/1.1\n\n", "200", ReadOutcome.NeedsInput, Text)]
    [TestCase("GET /metrics HTTP/1.0\r\n\r\n", "200", ReadOutcome.Malformed, Text)]
    [TestCase("GET /metrics HTTP/1.1\r\nconnection: Close\r\n\r\n", "200", ReadOutcome.Malformed, Text)]
    [TestCase("GET /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "200", ReadOutcome.Malformed, Text)]
    [TestCase("GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "200", ReadOutcome.Malformed, Text)]
    [TestCase("GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n\r\n", "200", ReadOutcome.NeedsInput, OpenText)]
    [TestCase("GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text;version=0.0.1,*/*\r\n\r\n", "200", ReadOutcome.NeedsInput, Text)]
    [TestCase("HEAD /metrics HTTP/1.1\r\n\r\n", "200", ReadOutcome.NeedsInput, "")]
    [TestCase("GET /healthz HTTP/1.1\r\n\r\n", "200", ReadOutcome.NeedsInput, "ok\n")]
    [TestCase("POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "405", ReadOutcome.Malformed, "Write GET or HEAD.\n")]
    [TestCase("GET / HTTP/1.1\r\n\r\n", "404", ReadOutcome.Malformed, "The metrics are at /metrics.\n")]
    [TestCase("POST /x HTTP/1.1\r\n\r\n", "404", ReadOutcome.Malformed, "The metrics are at /metrics.\n")]
    [TestCase("GET /metrics HTTP/2.0\r\n\r\n", "400", ReadOutcome.Malformed, "This is no request of HTTP/1.1.\n")]
    [TestCase("GET  /metrics HTTP/1.1\r\n\r\n", "400", ReadOutcome.Malformed, "This is no request of HTTP/1.1.\n")]
    [TestCase("\u0000\u0016\u0003\u0001\n\n", "400", ReadOutcome.Malformed, "This is no request of HTTP/1.1.\n")]
    public void A_request_gets_its_answer_and_the_connection_stays_where_the_next_one_can_be_found(string request, string status, ReadOutcome outcome, string body)
    {
        string[] answer = Answer(Encoding.Latin1.GetBytes(request), out ReadOutcome found).Split("\r\n\r\n", 2);
        Assert.That((answer[0].Split(' ')[1], found, answer[1]), Is.EqualTo((status, outcome, body)));
        Assert.That(answer[0].Contains("Connection: close"), Is.EqualTo(outcome == ReadOutcome.Malformed));
        Assert.That(answer[0], Does.Contain($"Content-Length: {(request.StartsWith("HEAD", StringComparison.Ordinal) ? Text : body).Length}\r\n"));
        Assert.That(answer[0].Contains("Allow: GET, HEAD"), Is.EqualTo(status == "405"));
    }

    [Test]
    public void Requests_that_came_together_are_answered_in_turn() =>
        Assert.That(Answer("GET /healthz HTTP/1.1\r\n\r\nGET /metrics HTTP/1.1\r\n\r\nGET /hea"u8.ToArray(), out _).Split("HTTP/1.1 200 OK"), Has.Length.EqualTo(3));

    [Test]
    public void A_head_that_does_not_end_is_awaited_up_to_8_KiB_and_then_refused()
    {
        byte[] head = Encoding.ASCII.GetBytes("GET /metrics HTTP/1.1\r\nA: ".PadRight(8 * 1024, 'x'));
        Assert.That(Answer(head, out ReadOutcome outcome), Is.Empty);
        Assert.That(outcome, Is.EqualTo(ReadOutcome.NeedsInput));
        Assert.That(Answer([.. head, (byte)'x'], out outcome), Does.StartWith("HTTP/1.1 431 "));
        Assert.That(outcome, Is.EqualTo(ReadOutcome.Malformed));
        Assert.That(Answer([.. head, .. "\r\n\r\n"u8], out outcome), Does.StartWith("HTTP/1.1 431 "));
    }

    private string Answer(byte[] request, out ReadOutcome outcome)
    {
        FramingProgress progress = default;
        string replies = "";
        ReadOnlySpan<byte> rest = request;
        do
        {
            OutputBuffer reply = new();
            int left = int.MaxValue;
            outcome = RequestReader.Consume(_protocol, rest, ref progress, new Peer(EndpointKind.Tcp, default), reply, int.MaxValue, out int consumed, ref left);
            replies += Encoding.UTF8.GetString(reply.Written);
            rest = rest[consumed..];
        }
        while (outcome == ReadOutcome.Paused);
        return replies;
    }
}
