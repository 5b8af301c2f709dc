using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Multiplex.Models;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Kernel;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Messages;

/// <summary>
/// A datagram to a broadcast or multicast address is answered from an address of the server's machine, on every model that serves datagrams,
/// by a socket on every interface, for both families.
/// </summary>
[TestFixtureSource(nameof(Models))]
public sealed partial class MulticastTests(string model)
{
    private const string OwnIPv6 = "fd00::7";

    private static IEnumerable<string> Models => ServerModelCatalog.All.Where(one => one.Kinds.Contains(EndpointKind.Udp)).Select(one => one.Name);

    [TestCase("udp://0.0.0.0:0")]
    [TestCase("udp://[::]:0")]
    public void It_is_answered_from_a_proper_address(string endpoint)
    {
        NetworkOf.RequireOne();
        const string Enter =
            $"ip link set lo up && ip link add d0 type veth peer name d1 && ip link set d0 up && ip link set d1 up && ip address add {OwnIPv6}/64 dev d0 nodad && exec \"$@\"";
        using ServerProcess server = ServerProcess.StartProgram(
            Tools.Require("unshare"),
            ["--net", "sh", "-c", Enter, "sh", ServerProcess.Command, "serve", "--model", model, "--protocol", "rpc", "--listen", endpoint]);
        string[] sources = NetworkOf.Run(server.Id, () =>
        {
            List<string> found = [Ask("127.0.0.1"), Ask("127.255.255.255"), Ask("224.0.0.1")];
            if (endpoint.Contains("::"))
                found.AddRange([Ask("::1"), Ask("ff02::1")]);
            return found.ToArray();
        });
        string[] all = ["127.0.0.1", "127.0.0.1", "127.0.0.1", "::1", OwnIPv6];
        Assert.That(sources, Is.EqualTo(all[..sources.Length]));
        Assert.That(server.Stop(), Is.Zero);

        string Ask(string host) => SourceOfTheReply(IPAddress.Parse(host), server.Address.Port);
    }

    // Calls NULL at the address that the previous reply came from. In the server's network.
    private static string SourceOfTheReply(IPAddress host, int port)
    {
        using Socket socket = new(host.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 1000 };
        if (host.AddressFamily == AddressFamily.InterNetwork)
        {
            socket.EnableBroadcast = true;
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastInterface, IPAddress.Loopback.GetAddressBytes());
        }
        else if (host.IsIPv6Multicast)
        {
            // d0 has the address: the network has no other interface except loopback and d0's other end.
            socket.Bind(new IPEndPoint(IPAddress.Parse(OwnIPv6), 0));
            socket.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.MulticastInterface, (int)if_nametoindex("d0"));
        }

        EndPoint source = new IPEndPoint(host.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        byte[] reply = new byte[100];
        long start = Stopwatch.GetTimestamp();
        int length = 0;
        while (length == 0)
        {
            // Again, as a client does: a datagram may be lost while the new interface comes up.
            socket.SendTo(RpcWire.Call(1, RpcWire.Null), new IPEndPoint(host, port));
            try
            {
                length = socket.ReceiveFrom(reply, ref source);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.TimedOut && Stopwatch.GetElapsedTime(start) < Eventually.Deadline)
            {
            }
        }

        Assert.That(length, Is.EqualTo(24));
        Assert.That(((IPEndPoint)source).Port, Is.EqualTo(port));
        return $"{((IPEndPoint)source).Address}";
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial uint if_nametoindex(string ifname);
}
