using System.Globalization;
using System.Text;
using Multiplex.Fleet.Etcd;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Fleet.Dns;

/// <summary>
/// A fleet as lines of a DNS zone, RFC 1035 section 5 and RFC 2782, for <c>$INCLUDE</c>: for each program and version the SRV records
/// <c>_rpc-PROGRAM-VERSION._tcp</c> or <c>._udp</c>, and the addresses of the hosts that they name. The names are relative to the zone that includes them.
/// </summary>
internal static class SrvZone
{
    /// <summary>The lines, which are the same for the same fleet.</summary>
    /// <param name="fleet">Its entries.</param>
    /// <param name="ttl">How long a resolver may keep them.</param>
    public static string Of(IReadOnlyList<FleetEntry> fleet, TimeSpan ttl)
    {
        int seconds = (int)Math.Ceiling(ttl.TotalSeconds);
        StringBuilder zone = new("; The servers of a fleet, by multiplex rpcbind --export-srv, which writes this file anew at each change.\n");
        SortedSet<string> hosts = new(StringComparer.Ordinal);
        foreach (FleetEntry entry in fleet)
        {
            Endpoint endpoint = entry.Endpoint;
            (string name, string type) = NameOf(endpoint.Host);
            string protocol = endpoint.Kind == EndpointKind.Tcp ? "tcp" : "udp";
            zone.Append(CultureInfo.InvariantCulture, $"_rpc-{entry.Program}-{entry.Version}._{protocol} {seconds} IN SRV 0 0 {endpoint.Port} {name}\n");
            hosts.Add($"{name} {seconds} IN {type} {endpoint.Host}\n");
        }

        return zone.AppendJoin("", hosts).ToString();
    }

    /// <summary>Writes the file whole, or not at all: under another name, which then takes the place of this one.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public static void Write(string path, string zone)
    {
        string temporary = $"{path}.{Guid.NewGuid():N}";
        try
        {
            using (StreamWriter writer = new(new FileStream(temporary, FileMode.CreateNew)))
                writer.Write(zone);
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    // A label of letters, digits and hyphens that says the address: h-192-0-2-7, and of IPv6 its 32 digits.
    private static (string Name, string Type) NameOf(string host)
    {
        if (!host.Contains(':'))
            return ($"h-{host.Replace('.', '-')}", "A");
        byte[] address = new byte[16];
        inet_pton(AF_INET6, host, address);
        return ($"h-{Convert.ToHexStringLower(address)}", "AAAA");
    }
}
