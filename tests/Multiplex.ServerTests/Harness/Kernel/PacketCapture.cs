using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Mono.Unix.Native;
using NUnit.Framework;

namespace Multiplex.ServerTests.Harness.Kernel;

/// <summary>The packets to and from a TCP port on the loopback interface, captured by tshark. The test is skipped where tshark may not capture.</summary>
internal sealed class PacketCapture : IDisposable
{
    private readonly string _tshark = Tools.Require("tshark");
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"multiplex-{Guid.NewGuid():N}.pcapng");
    private readonly Socket _marker = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly int _port;
    private readonly ServerProcess _capture;

    private PacketCapture(int port)
    {
        _port = port;
        _marker.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        string filter = $"tcp port {port} or udp port {((IPEndPoint)_marker.LocalEndPoint!).Port}";
        _capture = ServerProcess.StartProgram(_tshark, ["-i", "lo", "-f", filter, "-w", _file, "-P", "-l"], endpoints: 0);
    }

    /// <summary>Starts the capture.</summary>
    public static PacketCapture Start(int port)
    {
        PacketCapture capture = new(port);
        Eventually.Holds(
            () => capture._capture.HasExited || capture._capture.Errors.Any(line => line.Contains("Capture started")), "tshark does not begin");
        if (capture._capture.HasExited)
            Assert.Ignore($"no capturing here: {string.Join(' ', capture._capture.Errors)}");
        return capture;
    }

    /// <summary>
    /// Ends the capture. Each request, in the order in which they left, with the time of its reply: on a connection that has one request under
    /// way the next packet with data from the server. Times are seconds since the epoch.
    /// </summary>
    public IReadOnlyList<(double AskedAt, double? AnsweredAt)> Exchanges()
    {
        End();
        List<(double AskedAt, double? AnsweredAt)> exchanges = [];
        Dictionary<string, int> underWay = [];
        foreach (string[] packet in Packets([], "frame.time_epoch", "tcp.stream", "tcp.dstport"))
        {
            double time = double.Parse(packet[0], CultureInfo.InvariantCulture);
            if (packet[2] == $"{_port}")
            {
                underWay[packet[1]] = exchanges.Count;
                exchanges.Add((time, null));
            }
            else if (underWay.Remove(packet[1], out int asked))
            {
                exchanges[asked] = (exchanges[asked].AskedAt, time);
            }
        }

        return exchanges;
    }

    /// <summary>Ends the capture.</summary>
    public void End()
    {
        // The last packet is a datagram of this class; once it is in the file, all packets before it are.
        _marker.SendTo("end"u8.ToArray(), _marker.LocalEndPoint!);
        Eventually.Holds(() => _capture.Output.Any(line => line.Contains("UDP")), "tshark does not see the last packet");
        _capture.Signal(Signum.SIGINT);
        _capture.WaitForExit();
    }

    /// <summary>
    /// The packets with data as tshark decodes them, once the capture has ended: these fields of each, empty where a packet has none. Retransmissions, which
    /// occur on a busy machine, are left out.
    /// </summary>
    /// <param name="options">How it is to decode them.</param>
    /// <param name="fields">Their names, as of tshark -G fields.</param>
    public IEnumerable<string[]> Packets(string[] options, params string[] fields) => ProgramRun.Successfully(
        _tshark, ["-r", _file, .. options, "-Y", $"tcp.port == {_port} && tcp.len > 0 && !tcp.analysis.retransmission && !tcp.analysis.spurious_retransmission", "-T", "fields", .. fields.SelectMany(field => new[] { "-e", field })])
        .Lines.Select(line => line.Split('\t'));

    public void Dispose()
    {
        _capture.Dispose();
        _marker.Dispose();
        File.Delete(_file);
    }
}
