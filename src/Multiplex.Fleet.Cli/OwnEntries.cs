using Multiplex.Cli.Engines;
using Multiplex.Fleet.Etcd;
using Multiplex.Rpc.Binding;
using Multiplex.Sockets;

namespace Multiplex.Fleet.Cli;

/// <summary>The registrations of this machine, at the addresses by which other machines reach it.</summary>
/// <param name="etcd">The address is the one that the route to it leaves from, unless the options have one.</param>
/// <param name="options">The options.</param>
/// <param name="process">The server's process; null if several are registered.</param>
internal sealed class OwnEntries(EtcdAddress etcd, NameBackendOptions options, int? process = null)
{
    private IReadOnlyList<string> _hosts = options.Advertise;

    /// <summary>
    /// Whether others cannot reach this machine at the address that was found: etcd is on this machine, and no other address was named.
    /// </summary>
    public bool AreOfThisMachineAlone => Hosts().All(IsLoopback);

    /// <summary>
    /// The entries. Paths are of this machine alone; so is the loopback interface, unless etcd, too, is reached by it. Of a family that has no advertised address
    /// only what listens on one interface is registered.
    /// </summary>
    public IEnumerable<FleetEntry> Of(IEnumerable<Registration> registrations) => registrations.Select(Of).OfType<FleetEntry>();

    private FleetEntry? Of(Registration registration)
    {
        if (registration.Program == NameService.Program || registration.Endpoint is not { } endpoint || !endpoint.Kind.IsInternet())
            return null;
        if (UniversalAddress.IsEverywhere(endpoint))
        {
            string? host = Hosts().FirstOrDefault(one => one.Contains(':') == endpoint.Host.Contains(':'));
            if (host is null)
                return null;
            endpoint = UniversalAddress.Reached(endpoint, host);
        }
        else if (IsLoopback(endpoint.Host) && !AreOfThisMachineAlone)
        {
            return null;
        }

        return new(registration.Program, registration.Version, registration.Netid, UniversalAddress.Of(endpoint), new(registration.Owner, Environment.MachineName, process));
    }

    // Repeated while there is none: a machine may have no route, or no name resolution, when it starts.
    private IReadOnlyList<string> Hosts()
    {
        if (_hosts.Count == 0)
        {
            string[] own = [.. etcd.Members.Select(Towards).OfType<string>()];
            _hosts = [.. own.OrderBy(IsLoopback).Take(1)];
        }

        return _hosts;
    }

    private static string? Towards(Uri member)
    {
        try
        {
            return OwnAddress.Towards(AddressLookup.Find(new(EndpointKind.Udp, member.DnsSafeHost, $"{member.Port}", ""), passive: false)[0]);
        }
        catch (IOException)
        {
            return null;   // its name is not known now; the client of etcd says so
        }
    }

    private static bool IsLoopback(string host) => host == "::1" || host.StartsWith("127.", StringComparison.Ordinal);
}
