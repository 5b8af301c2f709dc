using System.Diagnostics.CodeAnalysis;

namespace Multiplex.Sockets;

/// <summary>
/// Where a service is: <c>tcp://HOST:PORT</c>, <c>udp://HOST:PORT</c>, <c>unix:PATH</c>, <c>unixpacket:PATH</c> or
/// <c>unixgram:PATH</c>.
/// </summary>
/// <param name="Kind">Which of the five.</param>
/// <param name="Host">A name, an IPv4 address, an IPv6 address (without its brackets) or "*" for every interface; empty for a path.</param>
/// <param name="Port">A number from 0 to 65535, or a service name of services(5); empty for a path.</param>
/// <param name="Path">A path, or "@NAME" in the abstract namespace; empty for host and port.</param>
public sealed record Endpoint(EndpointKind Kind, string Host, string Port, string Path)
{
    /// <summary>How an endpoint is written, for messages.</summary>
    public const string Forms = "tcp://HOST:PORT, udp://HOST:PORT, unix:PATH, unixpacket:PATH or unixgram:PATH";

    /// <summary>The longest path, and the longest name after the @, in bytes: sun_path less a path's final NUL or an abstract name's leading one, unix(7).</summary>
    public const int MaxPathLength = 107;

    /// <summary>Reads an endpoint.</summary>
    /// <exception cref="FormatException">The text is no endpoint; the message says why, and what would be right.</exception>
    public static Endpoint Parse(string text) =>
        TryParse(text, out Endpoint? endpoint, out string? problem)
            ? endpoint
            : throw new FormatException($"'{text}' is not an endpoint: {problem}");

    /// <summary>The endpoint as it is written.</summary>
    public override string ToString() => Kind.IsInternet()
        ? $"{Kind.Prefix()}//{(Host.Contains(':') ? $"[{Host}]" : Host)}:{Port}"
        : $"{Kind.Prefix()}{Path}";

    private static bool TryParse(
        string text, [NotNullWhen(true)] out Endpoint? endpoint, [NotNullWhen(false)] out string? problem)
    {
        endpoint = null;
        problem = $"write {Forms}";
        foreach (EndpointKind kind in Enum.GetValues<EndpointKind>())
        {
            if (!text.StartsWith(kind.Prefix(), StringComparison.Ordinal))
                continue;
            string rest = text[kind.Prefix().Length..];
            return kind.IsInternet()
                ? TryParseHostAndPort(kind, rest, out endpoint, out problem)
                : TryParsePath(kind, rest, out endpoint, out problem);
        }

        return false;
    }

    private static bool TryParsePath(
        EndpointKind kind, string path, [NotNullWhen(true)] out Endpoint? endpoint, [NotNullWhen(false)] out string? problem)
    {
        endpoint = null;
        string name = path.StartsWith('@') ? path[1..] : path;
        problem = name.Length == 0 ? $"a path is missing: write {kind.Prefix()}PATH, or {kind.Prefix()}@NAME"
            : System.Text.Encoding.UTF8.GetByteCount(name) > MaxPathLength ? $"the {(name == path ? "path" : "name")} is longer than {MaxPathLength} bytes"
            : path.Contains('\0') ? "the path has a NUL in it"
            : null;
        if (problem is null)
            endpoint = new(kind, "", "", path);
        return endpoint is not null;
    }

    private static bool TryParseHostAndPort(
        EndpointKind kind, string rest, [NotNullWhen(true)] out Endpoint? endpoint, [NotNullWhen(false)] out string? problem)
    {
        endpoint = null;
        string form = $"{kind.Prefix()}//HOST:PORT";
        int colon = rest.LastIndexOf(':');
        if (!rest.StartsWith("//", StringComparison.Ordinal) || colon < 2)
        {
            problem = $"write {form}";
            return false;
        }

        string host = rest[2..colon], port = rest[(colon + 1)..];
        bool bracketed = host.StartsWith('[') && host.EndsWith(']');
        if (bracketed)
            host = host[1..^1];
        problem = host.Length == 0 ? $"the host is missing: write {form}, with * for every interface"
            : host.Contains(':') != bracketed ? "write an IPv6 address in brackets, such as [::1]"
            : port.Length == 0 ? $"the port is missing: write {form}, with 0 to let the kernel choose"
            : port.All(char.IsAsciiDigit) && !ushort.TryParse(port, out _) ? "a port is a number from 0 to 65535"
            : port.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_') ? null
            : "a port is a number from 0 to 65535, or a service's name";
        if (problem is null)
            endpoint = new(kind, host, port, "");
        return endpoint is not null;
    }
}
