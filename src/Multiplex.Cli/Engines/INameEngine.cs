using Multiplex.Rpc.Binding;
using Multiplex.Sockets;

namespace Multiplex.Cli.Engines;

/// <summary>What the servers of many machines are registered in.</summary>
internal interface INameEngine
{
    /// <summary>What stands behind a name service.</summary>
    /// <exception cref="FormatException">The URL is wrong; the message says what would be right.</exception>
    INameBackend Open(NameBackendOptions options);

    /// <summary>The servers of a program, in an order that differs each time.</summary>
    /// <param name="program">The program, such as rpc+etcd://HOST:PORT/PROGRAM/VERSION.</param>
    /// <param name="timeout">How long the answer may take.</param>
    /// <exception cref="FormatException">The text is no program of a fleet; the message says what would be right.</exception>
    /// <exception cref="IOException">There is no answer, or no server.</exception>
    IReadOnlyList<FleetServer> Locate(string program, TimeSpan timeout);
}

/// <summary>A server that an engine has found.</summary>
internal sealed record FleetServer(Endpoint Endpoint, uint Program, uint Version);

/// <summary>How a name service, or a server, uses an engine.</summary>
/// <param name="Url">Which.</param>
/// <param name="Lease">How long registrations outlive their process.</param>
/// <param name="Advertise">The addresses by which others reach this machine, one of a family; empty: the one that the route to the engine leaves from.</param>
/// <param name="ZoneFile">Where the fleet is written to as lines of a DNS zone; null for nowhere.</param>
internal sealed record NameBackendOptions(string Url, TimeSpan Lease, IReadOnlyList<string> Advertise, string? ZoneFile = null);

/// <summary>An engine behind a name service. To dispose of it removes what this machine serves, within some seconds.</summary>
internal interface INameBackend : IDisposable
{
    /// <summary>What other machines serve.</summary>
    IReadOnlyList<Registration> Elsewhere { get; }

    /// <summary>Begins; from then on threads run.</summary>
    /// <param name="local">What this machine serves.</param>
    /// <param name="say">Takes a line on what is wrong.</param>
    void Start(IReadOnlyList<Registration> local, Action<string> say);

    /// <summary>This machine serves this now. Returns at once.</summary>
    void Set(IReadOnlyList<Registration> local);
}
