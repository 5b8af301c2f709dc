using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Binding;

/// <summary>
/// A transport address as text that is the same for every transport, RFC 5665 section 5.2: <c>h1.h2.h3.h4.p1.p2</c> over IPv4,
/// where the port is its two bytes in decimal; an IPv6 address and then <c>.p1.p2</c>; a UNIX-domain path as it is.
/// </summary>
public static class UniversalAddress
{
    /// <summary>Every IPv4 interface, INADDR_ANY.</summary>
    public const string AnyIPv4 = "0.0.0.0";

    /// <summary>Every IPv6 interface, in6addr_any.</summary>
    public const string AnyIPv6 = "::";

    private const string LoopbackIPv4 = "127.0.0.1", LoopbackIPv6 = "::1";
    private const int IPv4Numbers = 6, PortNumbers = 2;

    /// <summary>The universal address of an endpoint.</summary>
    /// <param name="endpoint">A path, or a numeric host and port, "*" for every IPv4 interface.</param>
    /// <exception cref="FormatException">Host or port is a name, or the kind of endpoint has no universal address.</exception>
    public static string Of(Endpoint endpoint)
    {
        if (endpoint.Kind == EndpointKind.Unix)
            return endpoint.Path;
        string host = endpoint.Host == "*" ? AnyIPv4 : endpoint.Host;
        if (endpoint.Kind.IsInternet() && IsAddress(host, host.Contains(':'))
            && ushort.TryParse(endpoint.Port, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
        {
            return $"{host}.{port >> 8}.{port & 0xFF}";
        }

        throw new FormatException($"{endpoint} has no universal address: write a numeric host and port, or unix:PATH");
    }

    /// <summary>Whether an endpoint is on every interface, and so has no address to reach it at.</summary>
    public static bool IsEverywhere(Endpoint endpoint) => endpoint.Host is AnyIPv4 or AnyIPv6;

    /// <summary>A registered endpoint as it is reached on a host: "every interface" becomes the host's address.</summary>
    public static Endpoint Reached(Endpoint registered, string host) =>
        IsEverywhere(registered) ? registered with { Host = host } : registered;

    /// <summary>The same on this machine.</summary>
    public static Endpoint ReachedHere(Endpoint registered) => Reached(registered, registered.Host == AnyIPv4 ? LoopbackIPv4 : LoopbackIPv6);

    /// <summary>Reads a universal address of a transport.</summary>
    /// <returns>False when the text is none.</returns>
    public static bool TryParse(Netid netid, string text, [NotNullWhen(true)] out Endpoint? endpoint)
    {
        endpoint = null;
        try
        {
            if (netid == Netid.Local)
                endpoint = Endpoint.Parse($"{EndpointKind.Unix.Prefix()}{text}");
            else if (TrySplit(text, netid.IsIPv6, out string? host, out ushort port))
                endpoint = new(netid.Kind, host, $"{port}", "");
        }
        catch (FormatException)
        {
            // a path too long, say
        }

        return endpoint is not null;
    }

    private static bool TrySplit(string text, bool isIPv6, [NotNullWhen(true)] out string? host, out ushort port)
    {
        host = null;
        port = 0;
        string[] numbers = text.Split('.');
        if (numbers.Length < PortNumbers + 1 || (!isIPv6 && numbers.Length != IPv4Numbers)
            || !TryByte(numbers[^2], out byte high) || !TryByte(numbers[^1], out byte low))
        {
            return false;
        }

        string address = string.Join('.', numbers[..^PortNumbers]);
        port = (ushort)((high << 8) | low);
        host = IsAddress(address, isIPv6) ? address : null;
        return host is not null;
    }

    private static bool TryByte(string text, out byte value) => byte.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    private static bool IsAddress(string text, bool isIPv6)
    {
        Span<byte> address = stackalloc byte[16];
        return !text.Contains('\0') && inet_pton(isIPv6 ? AF_INET6 : AF_INET, text, address).Value == 1;
    }
}
