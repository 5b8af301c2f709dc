using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Multiplex.Rpc.Observing;
using OpenTelemetry.Metrics;

namespace Multiplex.HostingTests;

/// <summary>The line of docs/operations.md that exports a host's metrics: OTLP over HTTP, as a collector receives it.</summary>
[NonParallelizable]
public class OtlpTests : HostFixture
{
    [Test]
    public async Task One_line_in_the_host_exports_its_metrics_to_a_collector()
    {
        using TcpListener collector = new(IPAddress.Loopback, 0);
        collector.Start();
        HostApplicationBuilder builder = Builder(("OTEL_EXPORTER_OTLP_ENDPOINT", $"http://{collector.LocalEndpoint}"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"));
        builder.Services.AddRpcServer(o => o.Listen("tcp://127.0.0.1:0")).AddProgram<IGreeter, Greeter>();
        builder.Services.AddOpenTelemetry().WithMetrics(metrics => metrics.AddMeter(RpcTelemetry.MeterName).AddOtlpExporter());
        IHost host = Build(builder);
        await host.StartAsync();
        await using RpcClient client = await Connect(host);
        await client.Create<IGreeter>().GreetAsync("you");

        Task<(string Target, string Body)> received = ReceiveAsync(collector);
        Assert.That(host.Services.GetRequiredService<MeterProvider>().ForceFlush((int)Eventually.Deadline.TotalMilliseconds), Is.True);
        (string target, string body) = await received.WaitAsync(Eventually.Deadline);
        Assert.That(target, Is.EqualTo("POST /v1/metrics HTTP/1.1"));
        foreach (string name in (string[])["multiplex.server.calls", "multiplex.server.connections.accepted", "rpc.server.call.duration", "rpc.client.call.duration", "GreeterV1", "Greet"])
            Assert.That(body, Does.Contain(name));
    }

    // One request, RFC 9112: it is answered with an empty ExportMetricsServiceResponse. Names are UTF-8 in the protocol buffers, so they can be read as they are.
    private static async Task<(string Target, string Body)> ReceiveAsync(TcpListener collector)
    {
        using TcpClient connection = await collector.AcceptTcpClientAsync();
        NetworkStream stream = connection.GetStream();
        List<string> head = [];
        StringBuilder line = new();
        byte[] one = new byte[1];
        do
        {
            line.Clear();
            do
            {
                await stream.ReadExactlyAsync(one);
                line.Append((char)one[0]);
            }
            while (one[0] != '\n');
            head.Add(line.ToString().TrimEnd('\r', '\n'));
        }
        while (head[^1].Length > 0);

        const string Length = "Content-Length: ";
        byte[] body = new byte[int.Parse(head.Single(header => header.StartsWith(Length, StringComparison.OrdinalIgnoreCase))[Length.Length..], CultureInfo.InvariantCulture)];
        await stream.ReadExactlyAsync(body);
        await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray());
        return (head[0], Encoding.Latin1.GetString(body));
    }
}
