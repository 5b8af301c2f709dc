using Multiplex.Sockets;

namespace Multiplex.Rpc.Binding;

/// <summary>
/// A name service, as rpcbind(8) is one: servers register where they serve a program, clients ask for that before their first
/// call. Program 100000 in its versions 2 (portmap), 3 and 4, RFC 1833.
/// </summary>
/// <param name="table">What it knows.</param>
public sealed class NameService(RegistrationTable table)
{
    /// <summary>The name service's own program number.</summary>
    public const uint Program = 100_000;

    /// <summary>Its port, of TCP and UDP: the one that needs no asking for.</summary>
    public const int Port = 111;

    /// <summary>Its UNIX-domain socket, by which the servers of this machine register.</summary>
    public const string SocketPath = "/run/rpcbind.sock";

    /// <summary>The version that is called portmap.</summary>
    public const uint PortmapVersion = 2;

    /// <summary>The versions that are called rpcbind: the lowest.</summary>
    public const uint LowVersion = 3;

    /// <summary>The highest.</summary>
    public const uint HighVersion = 4;

    /// <summary>What it knows.</summary>
    public RegistrationTable Table { get; } = table;

    /// <summary>
    /// Whether it calls procedures of this machine's programs for others. Such a call blocks its thread, and seems to its program to come
    /// from this machine; so it is not done unless asked for.
    /// </summary>
    public bool CallsForOthers
    {
        get => Indirect is not null;
        init => Indirect = value ? new(Table) : null;
    }

    /// <summary>Makes calls for others; null when that is not done.</summary>
    internal IndirectCalls? Indirect { get; private init; }

    /// <summary>How often it was asked for what.</summary>
    internal NameServiceStatistics Statistics { get; } = new();

    /// <summary>Its programs, for <see cref="RpcProtocol"/>.</summary>
    public IRpcProgram[] Programs() => [new PortmapProgram(this), new RpcbindProgram(this, LowVersion), new RpcbindProgram(this, HighVersion)];

    /// <summary>Registers the name service itself at an address that it listens on.</summary>
    public void RegisterItself(Endpoint local)
    {
        if (Netid.Of(local) is not { } netid)
            return;
        for (uint version = netid.PortmapProtocol > 0 ? PortmapVersion : LowVersion; version <= HighVersion; version++)
            Table.Set(new(Program, version, netid.Name, UniversalAddress.Of(local), RegistrationTable.Superuser));
    }

    /// <summary>Registers what a local caller serves. The name service itself is nobody's to change.</summary>
    /// <returns>Whether it is registered now.</returns>
    internal bool Set(in NameServiceCaller caller, Registration registration)
    {
        bool done = caller.IsLocal && registration.Program != Program && registration.Endpoint is not null
            && Table.Set(registration with { Owner = caller.Owner });
        Statistics.CountSet(done);
        return done;
    }

    /// <summary>Removes what a local caller has registered.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="program">The program.</param>
    /// <param name="version">The version.</param>
    /// <param name="netids">The transports.</param>
    /// <returns>Whether all that was there is gone.</returns>
    internal bool Unset(in NameServiceCaller caller, uint program, uint version, IEnumerable<Netid> netids)
    {
        bool done = caller.IsLocal && program != Program
            && Table.Unset(program, version, netids.Select(netid => netid.Name), caller.Owner);
        Statistics.CountUnset(done);
        return done;
    }
}
