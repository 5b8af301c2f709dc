using System.Globalization;
using System.Net.Sockets;
using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;

namespace Multiplex.ServerTests.Metrics;

/// <summary>A server with <c>--metrics</c>, and its metrics by HTTP.</summary>
internal sealed class Scraped : IDisposable
{
    private readonly HttpClient _http;

    /// <summary>Starts a server, and waits until it listens.</summary>
    public Scraped(string model, string protocol, string at = "tcp://127.0.0.1:0", params string[] options)
    {
        Server = ServerProcess.Start(model, protocol, ["tcp://127.0.0.1:0"], ["--metrics", at, .. options]);
        const string Before = "metrics are at ";
        string line = "";
        Eventually.Holds(() => (line = Server.Errors.FirstOrDefault(error => error.Contains(Before)) ?? "") != "", () => string.Join('\n', Server.Errors));
        At = new(Endpoint.Parse(line[(line.IndexOf(Before, StringComparison.Ordinal) + Before.Length)..line.IndexOf(',')]));
        _http = new(new SocketsHttpHandler { ConnectCallback = ConnectAsync }) { BaseAddress = new("http://server/"), Timeout = Eventually.Deadline };
    }

    /// <summary>The server.</summary>
    public ServerProcess Server { get; }

    /// <summary>Where its metrics are.</summary>
    public ServerAddress At { get; }

    /// <summary>The metrics now, as text.</summary>
    public string Text() => _http.GetStringAsync("metrics").GetAwaiter().GetResult();

    /// <summary>The metrics now: each value by its name and labels, as they are written.</summary>
    public Dictionary<string, double> Values() => Text().Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Where(line => line[0] != '#')
        .ToDictionary(line => line[..line.LastIndexOf(' ')], line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));

    /// <summary>The names of metrics in a text: those of its # TYPE lines.</summary>
    public static string[] Names(string text) => [.. text.Split('\n').Where(line => line.StartsWith("# TYPE ", StringComparison.Ordinal)).Select(line => line.Split(' ')[2])];

    public void Dispose()
    {
        _http.Dispose();
        Server.Dispose();
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        Socket socket = At.NewSocket();
        await socket.ConnectAsync(At.EndPoint, cancellation);
        return new NetworkStream(socket, ownsSocket: true);
    }
}
