namespace Multiplex.Load.Nats;

/// <summary>Where NATS is. As a text it is without the password.</summary>
public sealed class NatsUrl
{
    /// <summary>How one is written.</summary>
    public const string Form = "nats://[USER:PASSWORD@]HOST[:PORT][,nats://HOST[:PORT] …]";

    private const char Comma = ',';

    private readonly string _text, _shown;

    private NatsUrl(string text, IEnumerable<Uri> servers) =>
        (_text, _shown) = (text, string.Join(Comma, servers.Select(one => one.UserInfo.Length == 0 ? one.ToString().TrimEnd('/') : $"{one.Scheme}://…@{one.Authority}")));

    /// <summary>Reads one.</summary>
    /// <exception cref="FormatException">The text is none; the message, which does not repeat a password, says what would be right.</exception>
    public static NatsUrl Parse(string text)
    {
        Uri?[] servers = [.. text.Split(Comma).Select(one => Uri.TryCreate(one, UriKind.Absolute, out Uri? uri) ? uri : null)];
        return Array.TrueForAll(servers, one => one is { Host.Length: > 0, Scheme: "nats" or "tls" })
            ? new(text, servers.OfType<Uri>())
            : throw new FormatException($"{(text.Contains('@') ? "the URL" : $"'{text}'")} is no NATS: write {Form}, or tls:// for TLS");
    }

    /// <inheritdoc/>
    public override string ToString() => _shown;

    internal string ToNats() => _text;
}
