using System.Diagnostics;
using System.Globalization;
using Multiplex.Sockets;

namespace Multiplex.Rpc.Binding;

/// <summary>
/// A program on a host, without a port: <c>rpc://HOST/PROGRAM/VERSION</c>. The host's name service says where it is served:
/// dynamic binding. <c>rpc+udp://</c>, <c>rpc+tcp6://</c> and so on name another transport than TCP.
/// </summary>
/// <param name="Netids">The transports that it may be reached by.</param>
/// <param name="Host">A name, an IPv4 address or an IPv6 address without its brackets; empty for this machine's UNIX-domain socket.</param>
/// <param name="Program">The program's number.</param>
/// <param name="Version">The program's version; null is the highest that the name service has for the transport.</param>
public sealed record RemoteProgram(IReadOnlyList<Netid> Netids, string Host, uint Program, uint? Version)
{
    /// <summary>Its form, for messages.</summary>
    public const string Form = "rpc://HOST/PROGRAM[/VERSION]";

    private const string Scheme = "rpc", Separator = "://";

    /// <summary>Whether a text begins as one does.</summary>
    public static bool IsMeantBy(string text) => text.StartsWith("rpc:", StringComparison.Ordinal) || text.StartsWith("rpc+", StringComparison.Ordinal);

    /// <summary>Reads one.</summary>
    /// <exception cref="FormatException">The text is none; the message says why, and what would be right.</exception>
    public static RemoteProgram Parse(string text)
    {
        int colon = text.IndexOf(Separator, StringComparison.Ordinal);
        if (colon < 0 || TransportsOf(text[..colon]) is not { } netids)
            throw Wrong(text, $"write {Form}, or rpc+NETID:// with the netid {string.Join(", ", Netid.All)}");
        string[] parts = text[(colon + Separator.Length)..].Split('/');
        if (parts.Length is < 2 or > 3)
            throw Wrong(text, $"write {Form}");

        string host = parts[0];
        bool bracketed = host.StartsWith('[') && host.EndsWith(']');
        if (bracketed)
            host = host[1..^1];
        if (host.Contains(':') != bracketed)
            throw Wrong(text, "there is no port in it, and an IPv6 address stands in brackets, such as [::1]");
        if ((host.Length == 0) != (netids is [{ Kind: EndpointKind.Unix }]))
            throw Wrong(text, host.Length == 0 ? $"the host is missing: write {Form}" : "local is this machine: write rpc+local:///PROGRAM");
        if (!ProgramNames.TryParse(parts[1], out uint program))
            throw Wrong(text, $"'{parts[1]}' is no program: write a number, or a name of /etc/rpc");
        if (parts.Length == 2)
            return new(netids, host, program, Version: null);
        return uint.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out uint version)
            ? new(netids, host, program, version)
            : throw Wrong(text, $"'{parts[2]}' is no version: write a number");
    }

    /// <summary>Asks a name service where it is served.</summary>
    /// <param name="service">Which name service; null is that of the host, at its usual port.</param>
    /// <param name="timeout">
    /// How long that may take, over all addresses of the host: each gets an equal share of the time that is left. Null is <see cref="NameServiceClient.UsualTimeout"/>.
    /// </param>
    /// <returns>The server, and the version to call there.</returns>
    /// <exception cref="IOException">No name service is there, or it does not know the program; the message says what to do.</exception>
    public (Endpoint Server, uint Version) Locate(Endpoint? service = null, TimeSpan? timeout = null) =>
        Locate(isAsync: false, service, timeout, CancellationToken.None).GetAwaiter().GetResult();

    /// <inheritdoc cref="Locate(Endpoint?, TimeSpan?)"/>
    public Task<(Endpoint Server, uint Version)> LocateAsync(
        Endpoint? service = null, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Locate(isAsync: true, service, timeout, cancellationToken);

    private async Task<(Endpoint Server, uint Version)> Locate(bool isAsync, Endpoint? service, TimeSpan? timeout, CancellationToken cancellation)
    {
        IOException? failure = null;
        Stopwatch elapsed = Stopwatch.StartNew();
        (Netid, string)[] candidates = await Candidates(isAsync, cancellation).ConfigureAwait(false);
        for (int i = 0; i < candidates.Length; i++)
        {
            (Netid netid, string host) = candidates[i];
            TimeSpan left = (timeout ?? NameServiceClient.UsualTimeout) - elapsed.Elapsed;
            TimeSpan share = TimeSpan.FromMilliseconds(Math.Max(left.TotalMilliseconds / (candidates.Length - i), 1));
            try
            {
                using NameServiceClient client = await Ask(isAsync, service, netid, host, share, cancellation).ConfigureAwait(false);
                if (await Find(isAsync, client, netid, host, cancellation).ConfigureAwait(false) is { } found)
                    return found;
                failure = new($"{this}: not registered at {client.Service}: start its server with --register, or see multiplex rpcinfo for what is");
            }
            catch (IOException e)
            {
                failure ??= Version is null && service?.Kind.IsDatagram() == true ? new($"{e.Message}, or name the version: {this}/VERSION", e) : e;
            }
        }

        throw failure!;
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        string transport = Netids[0] == Netid.Tcp ? "" : $"+{Netids[0]}";
        string version = Version is null ? "" : $"/{Version}";
        return $"{Scheme}{transport}{Separator}{(Host.Contains(':') ? $"[{Host}]" : Host)}/{ProgramNames.Of(Program) ?? $"{Program}"}{version}";
    }

    private async Task<NameServiceClient> Ask(bool isAsync, Endpoint? service, Netid netid, string host, TimeSpan timeout, CancellationToken cancellation)
    {
        bool isLocal = service is null && netid == Netid.Local;
        service ??= NameServiceClient.At(host, Version is null ? EndpointKind.Tcp : netid.Kind);   // only a list has versions, and it may be long
        return (isAsync, isLocal) switch
        {
            (true, true) => await NameServiceClient.OfThisMachineAsync(timeout, cancellation).ConfigureAwait(false),
            (true, false) => await NameServiceClient.ConnectAsync(service, timeout, cancellation).ConfigureAwait(false),
            (false, true) => NameServiceClient.OfThisMachine(timeout),
            (false, false) => new(service, timeout),
        };
    }

    private async Task<(Endpoint Server, uint Version)?> Find(bool isAsync, NameServiceClient client, Netid netid, string host, CancellationToken cancellation)
    {
        if (Version is { } version)
        {
            Endpoint? endpoint = isAsync
                ? await client.FindAsync(Program, version, netid, host, cancellation).ConfigureAwait(false)
                : client.Find(Program, version, netid, host);
            return endpoint is null ? null : (endpoint, version);
        }

        Registration? found = isAsync
            ? await client.FindHighestAsync(Program, netid, cancellation).ConfigureAwait(false)
            : client.FindHighest(Program, netid);
        return found?.Endpoint is { } highest ? (UniversalAddress.Reached(highest, host), found.Version) : null;
    }

    private static FormatException Wrong(string text, string problem) => new($"'{text}' is no program on a host: {problem}");

    // TCP and UDP stand for both families; a name with a family means that one.
    private static Netid[]? TransportsOf(string scheme) => scheme switch
    {
        Scheme or "rpc+tcp" => [Netid.Tcp, Netid.Tcp6],
        "rpc+udp" => [Netid.Udp, Netid.Udp6],
        _ => scheme.StartsWith("rpc+", StringComparison.Ordinal) && Netid.Find(scheme[(Scheme.Length + 1)..]) is { } netid ? [netid] : null,
    };

    // In the order of getaddrinfo(3).
    private async Task<(Netid Netid, string Host)[]> Candidates(bool isAsync, CancellationToken cancellation)
    {
        if (Netids is [{ Kind: EndpointKind.Unix }])
            return [(Netid.Local, "")];
        Endpoint port = NameServiceClient.At(Host, Netids[0].Kind);
        IReadOnlyList<byte[]> addresses = isAsync
            ? await AddressLookup.FindAsync(port, cancellation).ConfigureAwait(false)
            : AddressLookup.Find(port, passive: false);
        (Netid Netid, string Host)[] found =
        [
            .. from address in addresses
               let endpoint = Endpoint.Parse(AddressText.Format(port.Kind, address))
               let netid = Netid.Of(endpoint)
               where Netids.Contains(netid)
               select (netid, endpoint.Host),
        ];
        return found.Length > 0 ? found : throw new IOException($"{this}: the host has no address of that family");
    }
}
