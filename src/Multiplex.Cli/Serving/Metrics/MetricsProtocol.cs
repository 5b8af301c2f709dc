using System.Globalization;
using System.Text;

namespace Multiplex.Cli.Serving.Metrics;

/// <summary>
/// The part of HTTP/1.1 and 1.0 that a scraper needs, RFC 9110 and 9112: GET and HEAD of <c>/metrics</c> and <c>/healthz</c>. A server model runs it and enforces the limits.
/// Kestrel and HttpListener cannot be used: both need the thread pool, which a forked process does not have.
/// </summary>
/// <param name="metrics">Writes the metrics, in OpenMetrics or else in Prometheus' own text format.</param>
internal sealed class MetricsProtocol(Func<bool, string> metrics) : IProtocol
{
    private const int LongestHead = 8 * 1024;
    private const string PlainText = "text/plain; charset=utf-8";
    private const string PrometheusText = "text/plain; version=0.0.4; charset=utf-8";
    private const string OpenMetrics = "application/openmetrics-text";
    private const string OpenMetricsText = OpenMetrics + "; version=1.0.0; charset=utf-8";

    /// <summary>Finds the end of a request's head. A head over the limit counts as a request too, so that it can be refused.</summary>
    public int Frame(ReadOnlySpan<byte> received, ref FramingProgress progress)
    {
        int end = received.IndexOf("\n\r\n"u8), bare = received.IndexOf("\n\n"u8);
        return end >= 0 && (bare < 0 || end < bare) ? end + 3
            : bare >= 0 ? bare + 2
            : received.Length > LongestHead ? received.Length
            : FrameResult.Incomplete;
    }

    /// <summary>Answers a request. Returns false if the connection is to be closed after the reply.</summary>
    public bool AnswerFrame(ReadOnlySpan<byte> frame, in Peer peer, OutputBuffer reply)
    {
        if (frame.Length > LongestHead)
            return Refuse(reply, "431 Request Header Fields Too Large", "The head of the request is too long.\n");
        string[] lines = Encoding.Latin1.GetString(frame).Split('\n', StringSplitOptions.TrimEntries);
        if (lines[0].Split(' ') is not [string method, string target, "HTTP/1.0" or "HTTP/1.1"])
            return Refuse(reply, "400 Bad Request", "This is no request of HTTP/1.1.\n");
        string path = target.Split('?')[0];
        if (path is not ("/metrics" or "/healthz"))
            return Refuse(reply, "404 Not Found", "The metrics are at /metrics.\n");
        if (method is not ("GET" or "HEAD"))
            return Refuse(reply, "405 Method Not Allowed", "Write GET or HEAD.\n", "Allow: GET, HEAD\r\n");

        // The body of a request is not read, so after a request with a body the connection is closed.
        bool stays = lines[0].EndsWith("1.1", StringComparison.Ordinal)
            && !ValueOf(lines, "Connection").Contains("close", StringComparison.OrdinalIgnoreCase)
            && ValueOf(lines, "Content-Length") is "" or "0" && ValueOf(lines, "Transfer-Encoding") is "";
        bool isOpenMetrics = path == "/metrics" && ValueOf(lines, "Accept").Split(',', StringSplitOptions.TrimEntries).Any(
            one => one.StartsWith(OpenMetrics, StringComparison.OrdinalIgnoreCase) && one.Contains("version=1.0.0", StringComparison.Ordinal));
        (string type, string body) = path == "/healthz" ? (PlainText, "ok\n") : (isOpenMetrics ? OpenMetricsText : PrometheusText, metrics(isOpenMetrics));
        Write(reply, "200 OK", type, body, stays ? "" : "Connection: close\r\n", withBody: method == "GET");
        return stays;
    }

    /// <inheritdoc/>
    public bool AnswerMessage(ReadOnlySpan<byte> message, in Peer peer, OutputBuffer reply) => false;

    private static bool Refuse(OutputBuffer reply, string status, string body, string header = "")
    {
        Write(reply, status, PlainText, body, header + "Connection: close\r\n", withBody: true);
        return false;
    }

    private static void Write(OutputBuffer reply, string status, string type, string body, string headers, bool withBody)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(body);
        string date = DateTimeOffset.UtcNow.ToString("R", CultureInfo.InvariantCulture);
        reply.Write(Encoding.ASCII.GetBytes(
            $"HTTP/1.1 {status}\r\nDate: {date}\r\nContent-Type: {type}\r\nContent-Length: {bytes.Length}\r\nX-Content-Type-Options: nosniff\r\n{headers}\r\n"));
        if (withBody)
            reply.Write(bytes);
    }

    // A field that occurs several times is the same as one field with several values.
    private static string ValueOf(string[] lines, string field) => string.Join(
        ',',
        from line in lines.Skip(1)
        let colon = line.IndexOf(':')
        where colon > 0 && line.AsSpan(0, colon).Equals(field, StringComparison.OrdinalIgnoreCase)
        select line[(colon + 1)..].Trim());
}
