using System.Globalization;
using System.Text;

namespace Multiplex.Nfs.Client;

/// <summary>
/// A directory or file on an NFS server: <c>nfs://HOST[:PORT]/PATH</c>, RFC 2224. In the path, %XX stands for the byte of that hexadecimal number, so that any
/// name can be written; %25 is a percent sign.
/// </summary>
/// <param name="Host">A name, an IPv4 address, or an IPv6 address without its brackets.</param>
/// <param name="Port">The port of MOUNT and NFS; null: the host's name service is asked for both.</param>
/// <param name="Path">The path, with the "/" that it begins with.</param>
public sealed record NfsUrl(string Host, int? Port, NfsPath Path)
{
    /// <summary>The form of a URL, for messages.</summary>
    public const string Form = "nfs://HOST[:PORT]/PATH";

    private const string Scheme = "nfs://";

    /// <summary>Whether a text is meant as a URL, judged by its beginning.</summary>
    public static bool IsMeantBy(string text) => text.StartsWith("nfs:", StringComparison.OrdinalIgnoreCase);

    /// <summary>Parses a URL.</summary>
    /// <exception cref="FormatException">The text is no URL; the message says why, and what would be right.</exception>
    public static NfsUrl Parse(string text)
    {
        if (!text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            throw Wrong(text, $"write {Form}");
        int slash = text.IndexOf('/', Scheme.Length);
        if (slash < 0)
            throw Wrong(text, $"the path is missing: write {Form}");
        (string host, int? port) = ParseHost(text[Scheme.Length..slash], text);
        return new(host, port, Decode(text[slash..], text));
    }

    /// <summary>Parses a host with or without a port: <c>HOST[:PORT]</c>, an IPv6 address in brackets.</summary>
    /// <exception cref="FormatException">The text is neither; the message says why, and what would be right.</exception>
    public static (string Host, int? Port) ParseHost(string text) => ParseHost(text, text);

    /// <inheritdoc/>
    public override string ToString() => $"{Scheme}{(Host.Contains(':') ? $"[{Host}]" : Host)}{(Port is { } port ? $":{port}" : "")}{Path}";

    private static (string Host, int? Port) ParseHost(string host, string text)
    {
        int end = host.StartsWith('[') ? host.IndexOf(']') + 1 : host.Contains(':') ? host.IndexOf(':') : host.Length;
        string name = host[..end], port = host[end..];
        if (name.StartsWith('['))
            name = name[1..^1];
        else if (port.LastIndexOf(':') > 0 || host.StartsWith('['))
            throw Wrong(text, "an IPv6 address stands in brackets, such as [::1]");
        if (name.Length == 0)
            throw Wrong(text, "the host is missing");
        if (port.Length == 0)
            return (name, null);
        return port[0] == ':' && int.TryParse(port.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is > 0 and <= ushort.MaxValue
            ? (name, number)
            : throw Wrong(text, $"'{port.TrimStart(':')}' is no port: write a number from 1 to 65535");
    }

    private static byte[] Decode(string path, string text)
    {
        List<byte> bytes = [];
        ReadOnlySpan<byte> rest = Encoding.UTF8.GetBytes(path);
        for (; !rest.IsEmpty; rest = rest[1..])
        {
            if (rest[0] != '%')
            {
                bytes.Add(rest[0]);
                continue;
            }

            if (rest.Length < 3 || !byte.TryParse(rest[1..3], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte one) || one == 0)
                throw Wrong(text, "after a % stand two hexadecimal digits of a byte that is not zero; a percent sign itself is %25");
            bytes.Add(one);
            rest = rest[2..];
        }

        return [.. bytes];
    }

    private static FormatException Wrong(string text, string problem) => new($"'{text}' is no place on an NFS server: {problem}");
}
