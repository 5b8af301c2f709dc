using System.Globalization;

namespace Multiplex.Cli.Engines;

/// <summary>Where a Redis is: a host and port, or the path of its socket, and a database of it.</summary>
internal sealed record RedisAddress(string Host, int Port, string? Path, int Database)
{
    /// <summary>How it is written, for help.</summary>
    public const string Form = "redis://HOST[:PORT][/DB] or redis+unix:///PATH";

    private const string Internet = "redis", Local = "redis+unix";
    private const int UsualPort = 6379, MostDatabases = 1 << 20;

    /// <summary>How its URLs begin.</summary>
    public static IReadOnlyList<string> Schemes { get; } = [Internet, Local];

    /// <summary>Reads a URL.</summary>
    /// <exception cref="FormatException">It is none of a Redis.</exception>
    public static RedisAddress Parse(string text)
    {
        bool isUrl = Uri.TryCreate(text, UriKind.Absolute, out Uri? url);
        if (isUrl ? url!.UserInfo.Length > 0 : text.Contains('@'))
            throw new FormatException($"{FleetEngines.Shown(text)}: the URL of a Redis has no user and no password: write {Form}, and the password in the environment variable REDISCLI_AUTH");
        if (!isUrl || url!.Query.Length + url.Fragment.Length > 0)
            throw Wrong(text);
        if (url.Scheme == Local && url.Host.Length == 0 && url.AbsolutePath.Length > 1)
            return new("", 0, Uri.UnescapeDataString(url.AbsolutePath), 0);
        string database = url.AbsolutePath.TrimStart('/');
        int number = 0;
        return url.Scheme == Internet && url.Host.Length > 0 && (database.Length == 0 || (int.TryParse(database, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number < MostDatabases))
            ? new(url.DnsSafeHost, url.IsDefaultPort || url.Port <= 0 ? UsualPort : url.Port, null, number)
            : throw Wrong(text);
    }

    private static FormatException Wrong(string text) => new($"'{text}' is no Redis: write {Form}");
}
