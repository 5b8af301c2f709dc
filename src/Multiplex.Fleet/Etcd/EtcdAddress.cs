using System.Globalization;

namespace Multiplex.Fleet.Etcd;

/// <summary>An etcd, and the part of its keys that is a fleet's: <c>etcd://HOST[:PORT][,HOST[:PORT]…][/PREFIX]</c>, or <c>etcds://</c> over TLS.</summary>
/// <param name="Members">The members of the cluster that are asked, in turn while one does not answer.</param>
/// <param name="Prefix">What the keys of the fleet begin with; no slash ends it.</param>
internal sealed record EtcdAddress(IReadOnlyList<Uri> Members, string Prefix)
{
    /// <summary>How it is written, for messages.</summary>
    public const string Form = "etcd://HOST[:PORT][,HOST[:PORT]][/PREFIX]";

    /// <summary>The usual prefix.</summary>
    public const string UsualPrefix = "/multiplex";

    private const int UsualPort = 2379;
    private const string Plain = "etcd://", Secure = "etcds://";

    /// <summary>Reads one.</summary>
    /// <exception cref="FormatException">The text is none; the message says why, and what would be right.</exception>
    public static EtcdAddress Parse(string text)
    {
        RefuseUser(text, Form);
        bool isSecure = text.StartsWith(Secure, StringComparison.Ordinal);
        if (!isSecure && !text.StartsWith(Plain, StringComparison.Ordinal))
            throw new FormatException($"'{text}' is no etcd: write {Form}");
        string rest = text[(isSecure ? Secure : Plain).Length..];
        int slash = rest.IndexOf('/');
        string prefix = slash < 0 ? "" : rest[slash..].TrimEnd('/');
        if (prefix.Contains("//", StringComparison.Ordinal) || prefix.Any(one => char.IsControl(one) || char.IsWhiteSpace(one)))
            throw new FormatException($"'{text}' is no etcd: '{prefix}' is no prefix of keys; write one such as {UsualPrefix}");
        return new(MembersOf(text, slash < 0 ? rest : rest[..slash], isSecure), prefix.Length > 0 ? prefix : UsualPrefix);
    }

    /// <summary>Refuses a text that may have a password, and does not repeat it.</summary>
    /// <exception cref="FormatException">It may have one.</exception>
    public static void RefuseUser(string text, string form)
    {
        if (text.Contains('@'))
            throw new FormatException($"users of etcd are not supported: write {form}, without '@'");
    }

    /// <summary>Reads the hosts of one: <c>HOST[:PORT][,HOST[:PORT]…]</c>.</summary>
    /// <param name="text">The whole of it, for messages.</param>
    /// <param name="hosts">The hosts.</param>
    /// <param name="isSecure">Whether they are called over TLS.</param>
    /// <exception cref="FormatException">One of them is none.</exception>
    public static IReadOnlyList<Uri> MembersOf(string text, string hosts, bool isSecure) =>
        [.. hosts.Split(',').Select(host => MemberOf(text, host, isSecure))];

    /// <inheritdoc/>
    public override string ToString() => string.Join(", ", Members.Select(member => $"{member.Host}:{member.Port.ToString(CultureInfo.InvariantCulture)}"));

    private static Uri MemberOf(string text, string host, bool isSecure)
    {
        bool hasPort = host.LastIndexOf(':') > host.LastIndexOf(']');
        string address = $"{(isSecure ? "https" : "http")}://{host}{(hasPort ? "" : $":{UsualPort}")}";
        return host.Length > 0 && !host.EndsWith(':') && Uri.TryCreate(address, UriKind.Absolute, out Uri? member) && member is { PathAndQuery: "/", Fragment: "", Port: > 0 }
            ? member
            : throw new FormatException($"'{text}' is no etcd: '{host}' is no host with a port; write {Form}");
    }
}
