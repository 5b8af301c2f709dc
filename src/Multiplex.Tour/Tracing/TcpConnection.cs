using System.Globalization;

namespace Multiplex.Tour.Tracing;

/// <summary>One end of a TCP connection over IPv4, as the kernel lists it in /proc/net/tcp, proc(5).</summary>
internal sealed record TcpConnection(string Local, int LocalPort, string Remote, int RemotePort, int State)
{
    private const int TimeWait = 6;   // include/net/tcp_states.h

    private static readonly string[] s_states =
    [
        "", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING",
    ];

    public bool IsTimeWait => State == TimeWait;

    /// <summary>The ends of the connection that has these two ports.</summary>
    public static IReadOnlyList<TcpConnection> Between(int one, int other) =>
    [
        .. File.ReadLines("/proc/net/tcp").Skip(1).Select(Parse)
            .Where(row => (row.LocalPort, row.RemotePort) == (one, other) || (row.LocalPort, row.RemotePort) == (other, one)),
    ];

    public override string ToString() =>
        $"local {Local}:{LocalPort}  remote {Remote}:{RemotePort}  {(State < s_states.Length ? s_states[State] : $"state {State}")}";

    // sl local_address rem_address st …: the address in the machine's own byte order, in hexadecimal.
    private static TcpConnection Parse(string line)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return new(Host(words[1]), Port(words[1]), Host(words[2]), Port(words[2]), Hexadecimal(words[3]));
    }

    private static string Host(string address) => string.Join('.', BitConverter.GetBytes(Hexadecimal(address.Split(':')[0])));

    private static int Port(string address) => Hexadecimal(address.Split(':')[1]);

    private static int Hexadecimal(string text) => (int)uint.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
