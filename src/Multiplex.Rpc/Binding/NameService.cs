using Multiplex.Rpc.Server;
using Multiplex.Sockets;

namespace Multiplex.Rpc.Binding;

/// <summary>
/// A name service, as rpcbind(8) is one: servers register where they serve a program, clients ask for that before their first
/// call. Program 100000 in its versions 2 (portmap), 3 and 4, RFC 1833.
/// </summary>
/// <param name="table">Its registrations.</param>
public sealed class NameService(RegistrationTable table)
{
    /// <summary>The name service's own program number.</summary>
    public const uint Program = NameServiceNumbers.Program;

    /// <summary>Its port, of TCP and UDP, which is fixed: clients need not ask for it.</summary>
    public const int Port = NameServiceNumbers.Port;

    /// <summary>Its UNIX-domain socket, by which the servers of this machine register.</summary>
    public const string SocketPath = NameServiceNumbers.SocketPath;

    /// <summary>The version that is called portmap.</summary>
    public const uint PortmapVersion = NameServiceNumbers.PortmapVersion;

    /// <summary>The versions that are called rpcbind: the lowest.</summary>
    public const uint LowVersion = 3;

    /// <summary>The highest.</summary>
    public const uint HighVersion = NameServiceNumbers.HighVersion;

    // Registered when the service is made, with the other one of its class: readers of the counters learn the names once.
    private readonly Counter _registrationsRefused = Counter.RegistrationsRefused;

    private int _turn;

    /// <summary>Its registrations.</summary>
    public RegistrationTable Table { get; } = table;

    /// <summary>
    /// What the other machines of a fleet serve, at addresses by which they are reached: looked up where this machine serves nothing of the kind, in turn
    /// where several do, and listed behind what this machine serves. Not by portmap version 2, whose ports are those of one machine. Null: there is no fleet.
    /// </summary>
    public Func<IReadOnlyList<Registration>>? Elsewhere { get; init; }

    /// <summary>
    /// How many calls of this machine's programs it makes for others at a time; one more is answered with SYSTEM_ERR. Such a call blocks its thread
    /// for up to 3 seconds, and its program sees it come from this machine; so by default, 0, it makes none.
    /// </summary>
    public int MaxIndirectCalls
    {
        get;
        init
        {
            field = value;
            Indirect = value > 0 ? new(Table, value) : null;
        }
    }

    /// <summary>Makes calls for others; null when it makes none.</summary>
    internal IndirectCalls? Indirect { get; private init; }

    /// <summary>
    /// The first port that a process without a privilege may bind on this machine: what is registered over the loopback interface from a lower
    /// one is the superuser's. By default net.ipv4.ip_unprivileged_port_start of ip(7), at most 1024.
    /// </summary>
    public int FirstUnprivilegedPort { get; init; } = NameServiceCaller.UsualFirstUnprivilegedPort();

    /// <summary>Where registrations that were refused for want of room are counted; null for nowhere.</summary>
    internal ServerCounters? Counters { get; set; }

    /// <summary>How often each of its procedures was called.</summary>
    internal NameServiceStatistics Statistics { get; } = new();

    /// <summary>Its programs, for <see cref="RpcProtocol"/>.</summary>
    public IRpcProgram[] Programs() => [new PortmapProgram(this), new RpcbindProgram(this, LowVersion), new RpcbindProgram(this, HighVersion)];

    /// <summary>Registers the name service itself at an address that it listens on.</summary>
    public void RegisterItself(Endpoint local)
    {
        if (Netid.Of(local) is not { } netid)
            return;
        for (uint version = netid.PortmapProtocol > 0 ? PortmapVersion : LowVersion; version <= HighVersion; version++)
            Table.Set(new(Program, version, netid.Name, UniversalAddress.Of(local), RegistrationTable.Superuser), out _);
    }

    /// <summary>Registers what an earlier name service knew, if it is still valid.</summary>
    /// <returns>Whether it is registered now.</returns>
    public bool Restore(Registration registration) => MakesSense(registration) && Table.Set(registration, out _);

    /// <summary>All that is registered: on this machine, then elsewhere.</summary>
    internal IReadOnlyList<Registration> All() => Elsewhere is null ? Table.All : [.. Table.All, .. Elsewhere()];

    /// <summary>A server of this version of a program on a transport, of this machine before another; or null.</summary>
    internal Registration? Find(uint program, uint version, string netid) =>
        Table.Find(program, version, netid) ?? NextElsewhere(one => one.Program == program && one.Version == version && one.Netid == netid);

    /// <summary>As <see cref="Find"/>, but any version rather than none: see <see cref="RegistrationTable.FindAnyVersion"/>.</summary>
    internal Registration? FindAnyVersion(uint program, uint version, string netid) =>
        Find(program, version, netid) ?? Table.FindAnyVersion(program, version, netid) ?? NextElsewhere(one => one.Program == program && one.Netid == netid);

    private Registration? NextElsewhere(Func<Registration, bool> isMeant)
    {
        if (Elsewhere is null)
            return null;
        Registration[] all = [.. Elsewhere().Where(isMeant)];
        return all.Length == 0 ? null : all[(uint)Interlocked.Increment(ref _turn) % all.Length];
    }

    /// <summary>Registers what a local caller serves. No caller changes the registrations of the name service itself.</summary>
    /// <returns>Whether it is registered now.</returns>
    internal bool Set(in RpcCall call, Registration registration)
    {
        NameServiceCaller caller = NameServiceCaller.Of(call, FirstUnprivilegedPort);
        bool isFull = false;
        bool done = caller.IsLocal && MakesSense(registration) && Table.Set(registration with { Owner = caller.Owner }, out isFull);
        if (isFull)
            Counters?.Increment(_registrationsRefused);
        Statistics.CountSet(call.Version, done);
        return done;
    }

    /// <summary>Removes what a local caller has registered.</summary>
    /// <param name="call">The call.</param>
    /// <param name="program">The program.</param>
    /// <param name="version">The version.</param>
    /// <param name="netids">The transports.</param>
    /// <returns>Whether none of it is registered now, also when none was before.</returns>
    internal bool Unset(in RpcCall call, uint program, uint version, IEnumerable<Netid> netids)
    {
        NameServiceCaller caller = NameServiceCaller.Of(call, FirstUnprivilegedPort);
        bool done = caller.IsLocal && program != Program
            && Table.Unset(program, version, netids.Select(netid => netid.Name), caller.Owner);
        Statistics.CountUnset(call.Version, done);
        return done;
    }

    // Clients are sent to the address that is registered, so it must be one of this machine. It has no control characters, as it is printed.
    private static bool MakesSense(Registration registration) =>
        registration.Program != Program && registration.Endpoint is { } endpoint && !registration.Address.Any(char.IsControl)
        && (!endpoint.Kind.IsInternet() || (endpoint.Port != "0" && IsHere(endpoint)));

    private static bool IsHere(Endpoint endpoint) =>
        UniversalAddress.IsEverywhere(endpoint) || ThisMachine.Has(AddressLookup.Find(endpoint, passive: false)[0]);
}

/// <summary>What a name service counts beside all other RPC servers.</summary>
public static class NameServiceCounters
{
    private static readonly Counter s_registrationsRefused = ServerCounters.Register("RegistrationsRefused", new("registrations_refused_total", "Registrations that the name service had no room for."));
    private static readonly Counter s_indirectCallsRefused = ServerCounters.Register("IndirectCallsRefused", new("indirect_calls_refused_total", "Calls that the name service did not forward because too many were in progress."));

    extension(Counter)
    {
        /// <summary>Registrations that a name service refused because its table, or the owner's share of it, was full.</summary>
        public static Counter RegistrationsRefused => s_registrationsRefused;

        /// <summary>Calls that a name service was asked to make for others and refused, because too many were in progress.</summary>
        public static Counter IndirectCallsRefused => s_indirectCallsRefused;
    }
}
