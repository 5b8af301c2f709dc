using System.Globalization;

namespace Multiplex.TestSupport;

/// <summary>A TCP socket of this machine as /proc/net/tcp shows it: proc(5).</summary>
internal sealed record TcpEntry(string LocalPort, string RemotePort, int State, int Unread, int Timer)
{
    private const int Established = 1, CloseWait = 8;   // include/net/tcp_states.h

    /// <summary>The timer that probes after a silence; 0 is none.</summary>
    public const int KeepAliveTimer = 2;

    /// <summary>Whether the peer has closed its side, and this one has not.</summary>
    public bool IsClosedByPeer => State == CloseWait;

    /// <summary>Whether both sides are open.</summary>
    public bool IsEstablished => State == Established;
}

/// <summary>The TCP sockets of IPv4.</summary>
internal static class TcpTable
{
    public static TcpEntry[] All() => [.. File.ReadLines("/proc/net/tcp").Skip(1).Select(Parse)];

    // sl local_address rem_address st tx_queue:rx_queue tr:tm->when …
    private static TcpEntry Parse(string line)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return new(Port(words[1]), Port(words[2]), Hexadecimal(words[3]), Hexadecimal(words[4].Split(':')[1]), Hexadecimal(words[5].Split(':')[0]));
    }

    private static string Port(string address) => $"{Hexadecimal(address.Split(':')[1])}";

    private static int Hexadecimal(string text) => int.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
