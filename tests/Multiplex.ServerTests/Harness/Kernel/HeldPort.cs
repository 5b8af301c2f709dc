using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Multiplex.ServerTests.Harness.Kernel;

/// <summary>
/// A port for a server that is stopped and started again. The kernel gives it to no connect(2) and no bind(2) meanwhile, as it is outside of ip_local_port_range, ip(7); and
/// no other test takes it, of any process, as an abstract name is held for it.
/// </summary>
internal sealed class HeldPort : IDisposable
{
    private const int First = 20000, Count = 12000, MostTries = 1000;

    private readonly Socket _name;

    private HeldPort(int number, Socket name) => (Number, _name) = (number, name);

    /// <summary>The port.</summary>
    public int Number { get; }

    /// <summary>Takes one that is free now.</summary>
    public static HeldPort Take()
    {
        int[] range = [.. File.ReadAllText("/proc/sys/net/ipv4/ip_local_port_range").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(text => int.Parse(text, CultureInfo.InvariantCulture))];
        int[] outside = [.. Enumerable.Range(First, Count).Where(port => port < range[0] || port > range[1])];
        int[] ports = outside.Length > 0 ? outside : [.. Enumerable.Range(First, Count)];
        for (int tries = 0; tries < MostTries; tries++)
        {
            int port = ports[Random.Shared.Next(ports.Length)];
            if (Bound(AddressFamily.Unix, ProtocolType.Unspecified, new UnixDomainSocketEndPoint($"\0multiplex-tests-port-{port}")) is not { } name)
                continue;
            using Socket? free = Bound(AddressFamily.InterNetwork, ProtocolType.Tcp, new IPEndPoint(IPAddress.Any, port));
            if (free is not null)
                return new(port, name);
            name.Dispose();
        }

        throw new IOException($"none of the ports from {ports[0]} to {ports[^1]} is free");
    }

    public void Dispose() => _name.Dispose();

    private static Socket? Bound(AddressFamily family, ProtocolType protocol, EndPoint at)
    {
        Socket socket = new(family, SocketType.Stream, protocol);
        try
        {
            socket.Bind(at);
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }
    }
}
