using System.Globalization;
using Multiplex.Fleet.Etcd;
using Multiplex.Rpc.Binding;
using Multiplex.Sockets;

namespace Multiplex.Fleet;

/// <summary>
/// A program of a fleet: <c>rpc+etcd://HOST[:PORT][,HOST[:PORT]…]/PROGRAM[/VERSION][?prefix=PREFIX&amp;netid=NETID]</c>; <c>rpc+etcds://</c> asks etcd over TLS.
/// </summary>
/// <param name="Etcd">The etcd in which the servers are registered.</param>
/// <param name="Program">The program's number.</param>
/// <param name="Version">Its version; null is the highest that is registered.</param>
/// <param name="Transport">TCP or UDP, over either family.</param>
internal sealed record FleetProgram(EtcdAddress Etcd, uint Program, uint? Version, EndpointKind Transport)
{
    /// <summary>How it is written, for messages.</summary>
    public const string Form = "rpc+etcd://HOST:PORT/PROGRAM[/VERSION]";

    private const string Plain = "rpc+etcd://", Secure = "rpc+etcds://";

    /// <summary>The keys of its servers.</summary>
    public string Keys => FleetEntry.KeysOf(Etcd.Prefix, Program, Version);

    /// <summary>Reads one.</summary>
    /// <exception cref="FormatException">The text has not that form; the message says why, and what would be right.</exception>
    public static FleetProgram Parse(string text)
    {
        EtcdAddress.RefuseUser(text, Form);
        bool isSecure = text.StartsWith(Secure, StringComparison.Ordinal);
        if (!isSecure && !text.StartsWith(Plain, StringComparison.Ordinal))
            throw Wrong(text, $"write {Form}");
        string[] halves = text[(isSecure ? Secure : Plain).Length..].Split('?', 2);
        if (halves[0].Split('/') is not [string hosts, string name, .. { Length: <= 1 } versions])
            throw Wrong(text, $"write {Form}");
        if (!ProgramNames.TryParse(name, out uint program))
            throw Wrong(text, $"'{name}' is no program: write a number, or a name of /etc/rpc");
        uint? version = null;
        if (versions is [string number])
        {
            version = uint.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out uint one)
                ? one
                : throw Wrong(text, $"'{number}' is no version: write a number");
        }

        (string prefix, EndpointKind transport) = Options(text, halves is [_, string options] ? options : "");
        return new(new(EtcdAddress.MembersOf(text, hosts, isSecure), prefix), program, version, transport);
    }

    /// <summary>Those of the entries that a call may go to: of the highest version if none is named.</summary>
    public IReadOnlyList<FleetEntry> Callable(IReadOnlyList<FleetEntry> entries)
    {
        FleetEntry[] reachable = [.. entries.Where(entry => entry.Endpoint.Kind == Transport)];
        return Version is null && reachable.Length > 0 && reachable.Max(entry => entry.Version) is var highest
            ? [.. reachable.Where(entry => entry.Version == highest)]
            : reachable;
    }

    /// <inheritdoc/>
    public override string ToString() => $"program {ProgramNames.Of(Program) ?? $"{Program}"}{(Version is null ? "" : $" version {Version}")} in etcd at {Etcd}";

    private static (string Prefix, EndpointKind Transport) Options(string text, string options)
    {
        (string prefix, EndpointKind transport) = (EtcdAddress.UsualPrefix, EndpointKind.Tcp);
        foreach (string option in options.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            switch (option.Split('=', 2))
            {
                case ["prefix", ['/', _, ..] value]:
                    prefix = value.TrimEnd('/');
                    break;
                case ["netid", "tcp"]:
                    transport = EndpointKind.Tcp;
                    break;
                case ["netid", "udp"]:
                    transport = EndpointKind.Udp;
                    break;
                default:
                    throw Wrong(text, $"'{option}' is no option of it: write prefix=/PREFIX, netid=tcp or netid=udp");
            }
        }

        return (prefix, transport);
    }

    private static FormatException Wrong(string text, string problem) => new($"'{text}' is no program of a fleet: {problem}");
}
