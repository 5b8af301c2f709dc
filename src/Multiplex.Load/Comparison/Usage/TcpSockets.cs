using System.Globalization;

namespace Multiplex.Load.Comparison.Usage;

/// <summary>The TCP sockets of this network namespace: /proc/net/tcp and /proc/net/tcp6, proc(5).</summary>
internal static class TcpSockets
{
    private static readonly string[] s_files = ["/proc/net/tcp", "/proc/net/tcp6"];

    /// <summary>The number of sockets of other processes that listen on a server's port: they would accept a part of its connections.</summary>
    /// <param name="port">The port.</param>
    /// <param name="pid">The server's first process.</param>
    /// <returns>Null when the server's descriptors cannot be read: it is another user's.</returns>
    public static int? OfOthersListening(int port, int pid) =>
        Of(ProcessTree.Of(pid)) is { } own ? All().Count(socket => socket.IsListening && socket.Port == port && !own.Contains(socket.Inode)) : null;

    /// <summary>The bytes in the sockets of some processes: received and not read, sent and not acknowledged.</summary>
    /// <returns>Null when their descriptors cannot be read.</returns>
    public static (long Unread, long Unsent)? QueuesOf(IReadOnlyList<int> processes)
    {
        if (Of(processes) is not { } own)
            return null;
        TcpSocket[] sockets = [.. All().Where(socket => !socket.IsListening && own.Contains(socket.Inode))];
        return (sockets.Sum(socket => socket.Unread), sockets.Sum(socket => socket.Unsent));
    }

    private static HashSet<string>? Of(IReadOnlyList<int> processes)
    {
        const string Socket = "socket:[";
        HashSet<string> inodes = [];
        foreach (int process in processes)
        {
            try
            {
                foreach (string descriptor in Directory.EnumerateFiles($"/proc/{process}/fd"))
                {
                    if (File.ResolveLinkTarget(descriptor, returnFinalTarget: false)?.Name is { } name && name.StartsWith(Socket, StringComparison.Ordinal))
                        inodes.Add(name[Socket.Length..^1]);
                }
            }
            catch (IOException)
            {
                // The process, or a descriptor of it, is gone meanwhile.
            }
            catch (UnauthorizedAccessException)
            {
                return null;
            }
        }

        return inodes;
    }

    private static IEnumerable<TcpSocket> All() =>
        from file in s_files
        where File.Exists(file)
        from line in File.ReadLines(file).Skip(1)
        select TcpSocket.Parse(line);

    private readonly record struct TcpSocket(int Port, bool IsListening, long Unsent, long Unread, string Inode)
    {
        public static TcpSocket Parse(string line)
        {
            const int Local = 1, State = 3, Queues = 4, Inode = 9;
            const string Listening = "0A";
            string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            string[] queues = fields[Queues].Split(':');
            return new((int)Hex(fields[Local].Split(':')[1]), fields[State] == Listening, Hex(queues[0]), Hex(queues[1]), fields[Inode]);
        }

        private static long Hex(string digits) => long.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }
}
