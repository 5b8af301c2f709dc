using System.Globalization;

namespace Multiplex.Rpc.Binding;

/// <summary>
/// Finds registrations of dead servers, and removes them: no socket of the kernel has their port or path. Nothing is sent to the server, which may be
/// busy. A registration is removed if two looks in a row find no socket.
/// </summary>
/// <param name="table">The registrations of this machine; those of the name service itself are not removed.</param>
internal sealed class DeadRegistrations(RegistrationTable table)
{
    private HashSet<Registration> _suspects = [];

    /// <summary>Looks once.</summary>
    /// <returns>The registrations that were removed.</returns>
    public IReadOnlyList<Registration> Look()
    {
        BoundNames sockets = BoundNames.Read();
        HashSet<Registration> before = _suspects;
        _suspects = [.. table.All.Where(one => one.Program != NameService.Program && !sockets.Have(one))];
        return [.. _suspects.Where(one => before.Contains(one) && table.Remove(one))];
    }

    /// <summary>The ports and paths of the sockets of this network namespace that receive calls, proc(5).</summary>
    private sealed class BoundNames
    {
        private const string ListeningTcp = "0A";   // TCP_LISTEN of linux/tcp_states.h

        private readonly HashSet<int> _tcp = [], _udp = [];
        private readonly HashSet<string> _paths = [];

        public static BoundNames Read()
        {
            BoundNames names = new();
            foreach (string family in (string[])["", "6"])
            {
                foreach (string[] fields in Lines($"/proc/net/tcp{family}"))
                {
                    if (fields[3] != ListeningTcp)
                        break;   // listening sockets come first, and there may be many thousands of others
                    names._tcp.Add(PortOf(fields[1]));
                }

                foreach (string[] fields in Lines($"/proc/net/udp{family}"))
                    names._udp.Add(PortOf(fields[1]));
            }

            const int Path = 7;
            foreach (string[] fields in Lines("/proc/net/unix").Where(fields => fields.Length > Path))
                names._paths.Add(string.Join(' ', fields[Path..]));
            return names;
        }

        public bool Have(Registration registration) => Netid.Find(registration.Netid) is not { } netid || registration.Endpoint is not { } endpoint
            || (netid == Netid.Local ? _paths.Contains(endpoint.Path) : (netid.Kind == Sockets.EndpointKind.Tcp ? _tcp : _udp).Contains(int.Parse(endpoint.Port, CultureInfo.InvariantCulture)));

        // Without the heading. A kernel without IPv6 has no such file.
        private static IEnumerable<string[]> Lines(string path) =>
            File.Exists(path) ? File.ReadLines(path).Skip(1).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)) : [];

        private static int PortOf(string address) => int.Parse(address.AsSpan(address.LastIndexOf(':') + 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
