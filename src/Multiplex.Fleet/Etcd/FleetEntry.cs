using System.Globalization;
using System.Text;
using System.Text.Json;
using Multiplex.Rpc.Binding;
using Multiplex.Sockets;

namespace Multiplex.Fleet.Etcd;

/// <summary>
/// One server of a fleet in etcd: the key <c>PREFIX/rpc/PROGRAM/VERSION/NETID/ADDRESS</c>, with the universal address of RFC 5665, and a value with
/// its owner: <c>{"owner":"1000","host":"web1","pid":"4242"}</c>. The value may be empty, or anything else: a key that was put by hand is a server too.
/// </summary>
/// <param name="Program">The program's number.</param>
/// <param name="Version">Its version.</param>
/// <param name="Netid">The transport, of TCP or UDP.</param>
/// <param name="Address">The universal address.</param>
/// <param name="Value">The value.</param>
internal sealed record FleetEntry(uint Program, uint Version, string Netid, string Address, FleetValue Value)
{
    private const string Area = "rpc";
    private const int MaxName = 64;

    private static readonly FleetValue s_unknown = new(null, null);

    /// <summary>The lease that the key is under; 0 for none.</summary>
    public long Lease { get; init; }

    /// <summary>The address as an endpoint.</summary>
    public Endpoint Endpoint => Binding(Netid, Address)!;

    /// <summary>As a name service lists it, with the owner <c>USER@HOST</c>.</summary>
    public Registration Registration => new(Program, Version, Netid, Address, $"{Value.Owner ?? "unknown"}{Rpc.Binding.Registration.ElsewhereMark}{Value.Host ?? "unknown"}");

    /// <summary>The prefix of all keys, of those of a program, or of those of one version of it.</summary>
    public static string KeysOf(string prefix, uint? program = null, uint? version = null) =>
        $"{prefix}/{Area}/{(program is null ? "" : $"{program}/")}{(version is null ? "" : $"{version}/")}";

    /// <summary>The key.</summary>
    public string Key(string prefix) => $"{KeysOf(prefix, Program, Version)}{Netid}/{Address}";

    /// <summary>A key and its value as an entry.</summary>
    /// <returns>Null if the key is not that of a server which other machines can reach.</returns>
    public static FleetEntry? Of(string prefix, EtcdKeyValue pair)
    {
        string key = Encoding.UTF8.GetString(pair.Key), keys = KeysOf(prefix);
        return key.StartsWith(keys, StringComparison.Ordinal) && Parse(key[keys.Length..]) is { } entry && !UniversalAddress.IsEverywhere(entry.Endpoint)
            ? entry with { Value = Read(pair.Value), Lease = pair.Lease }
            : null;
    }

    /// <summary>Reads <c>PROGRAM/VERSION/NETID/ADDRESS</c>.</summary>
    /// <returns>Null if it has not that form, or the transport or the address is local to a machine.</returns>
    public static FleetEntry? Parse(string text) =>
        text.Split('/') is [string program, string version, string netid, string address]
        && uint.TryParse(program, NumberStyles.None, CultureInfo.InvariantCulture, out uint number)
        && uint.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out uint one)
        && Binding(netid, address) is { Port: not "0" }
            ? new(number, one, netid, address, s_unknown)
            : null;

    /// <summary>The value's bytes.</summary>
    public byte[] ValueBytes() => JsonSerializer.SerializeToUtf8Bytes(Value, EtcdJson.Default.FleetValue);

    private static Endpoint? Binding(string netid, string address) =>
        Rpc.Binding.Netid.Find(netid) is { } known && known.Kind.IsInternet() && UniversalAddress.TryParse(known, address, out Endpoint? endpoint) ? endpoint : null;

    // rpcinfo(8) prints the names, so they must be short and printable.
    private static FleetValue Read(byte[]? value)
    {
        try
        {
            return JsonSerializer.Deserialize(value, EtcdJson.Default.FleetValue) is { } read
                ? read with { Owner = Name(read.Owner), Host = Name(read.Host) }
                : s_unknown;
        }
        catch (JsonException)
        {
            return s_unknown;
        }
    }

    private static string? Name(string? text) => text is { Length: > 0 and <= MaxName } && text.All(one => char.IsAsciiLetterOrDigit(one) || one is '-' or '.' or '_') ? text : null;
}
