using System.Globalization;
using Multiplex.Sockets.Networks;

namespace Multiplex.Nfs.Exports;

/// <summary>A directory that is served, and the clients that may use it: like a line of exports(5).</summary>
/// <param name="Directory">The directory.</param>
/// <param name="Name">The name that clients mount: an absolute path.</param>
public sealed record Export(string Directory, string Name)
{
    /// <summary>The user and group of squashed callers by default: 65534, nobody.</summary>
    public const uint Nobody = 65534;

    /// <summary>The form of an export, for messages.</summary>
    public const string Form = "DIR[=/NAME][,OPTION…] with the options ro, insecure, no_root_squash, all_squash, anonuid=N, anongid=N, networks=A/N:B/N, manage_gids[=SECONDS], attr-cache=SECONDS, crossmnt and async";

    /// <summary>Whether the export is read-only.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>Whether clients may call from ports of 1024 and above, which any user of their machine can use.</summary>
    public bool Insecure { get; init; }

    /// <summary>Whether root of a client's machine is root here. Otherwise it is <see cref="AnonymousUser"/>.</summary>
    public bool NoRootSquash { get; init; }

    /// <summary>Whether every caller is <see cref="AnonymousUser"/>.</summary>
    public bool AllSquash { get; init; }

    /// <summary>Whether the file systems that are mounted below the directory when the server starts are served too.</summary>
    public bool CrossesMounts { get; init; }

    /// <summary>Whether changes of names and attributes are confirmed before they are on the disk, which RFC 1813 section 4.8 does not allow.</summary>
    public bool Async { get; init; }

    /// <summary>
    /// How long the groups of a user are cached. They are looked up by uid in this machine's databases, in place of the groups that a call names: AUTH_SYS has
    /// room for 16. Zero, the default: the groups in the call are used.
    /// </summary>
    public TimeSpan GroupsTime { get; init; }

    /// <summary>The <see cref="GroupsTime"/> of an export that looks groups up and gives no time.</summary>
    public static TimeSpan UsualGroupsTime => TimeSpan.FromMinutes(5);

    /// <summary>
    /// How old the attributes of a directory's entries in a READDIRPLUS reply may be, when a program on the server's own machine changes a file: 0 to
    /// <see cref="MostTime"/>. Changes that this server makes or has reported are always seen.
    /// </summary>
    public TimeSpan AttributeTime { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest <see cref="AttributeTime"/> and <see cref="GroupsTime"/>.</summary>
    public static TimeSpan MostTime => TimeSpan.FromHours(1);

    /// <summary>The user of a squashed caller, and of a caller that names no user.</summary>
    public uint AnonymousUser { get; init; } = Nobody;

    /// <summary>The group of that user.</summary>
    public uint AnonymousGroup { get; init; } = Nobody;

    /// <summary>The networks whose machines may use it; empty: all machines may.</summary>
    public IReadOnlyList<ClientNetwork> Networks { get; init; } = [];

    /// <summary>Parses an export in the form <see cref="Form"/>. A comma or an equals sign in the directory is written after a backslash.</summary>
    /// <exception cref="FormatException">The form is wrong, or the directory is not an absolute path and has no name.</exception>
    public static Export Parse(string text)
    {
        List<string> parts = Split(text, ',');
        List<string> names = Split(parts[0], '=');
        string directory = Plain(names[0]), name = names.Count > 1 ? Plain(names[1]) : directory;
        if (names.Count > 2 || directory.Length == 0)
            throw new FormatException($"{text}: write {Form}");
        if (!name.StartsWith('/'))
            throw new FormatException($"{text}: the name that clients mount begins with a slash, as in {directory}=/{name.TrimStart('.', '/')}");
        Export export = new(directory, name.Length > 1 ? name.TrimEnd('/') : name);
        return parts.Skip(1).Aggregate(export, (before, option) => before.With(option, text));
    }

    /// <summary>Whether a machine may use it from this port.</summary>
    public bool Admits(in Peer peer)
    {
        if (!Sockets.EndpointKindExtensions.IsInternet(peer.Kind))
            return true;   // a UNIX-domain socket: a client on this machine, whose access the file system controls
        if (!Insecure && !peer.HasReservedPort)
            return false;
        if (Networks.Count == 0)
            return true;
        foreach (ClientNetwork network in Networks)
        {
            if (network.Contains(peer.Host))
                return true;
        }

        return false;
    }

    /// <summary>The group of a caller that names this group, after squashing.</summary>
    internal uint InsteadOf(uint group) => group == 0 && !NoRootSquash ? AnonymousGroup : group;

    private Export With(string option, string text)
    {
        List<string> words = Split(option, '=');
        string? value = words.Count == 2 ? Plain(words[1]) : null;
        return (words[0], value) switch
        {
            ("ro", null) => this with { ReadOnly = true },
            ("rw", null) => this with { ReadOnly = false },
            ("secure", null) => this with { Insecure = false },
            ("insecure", null) => this with { Insecure = true },
            ("root_squash", null) => this with { NoRootSquash = false },
            ("no_root_squash", null) => this with { NoRootSquash = true },
            ("all_squash", null) => this with { AllSquash = true },
            ("crossmnt", null) => this with { CrossesMounts = true },
            ("sync", null) => this with { Async = false },
            ("async", null) => this with { Async = true },
            ("anonuid", not null) => this with { AnonymousUser = Id(value, text) },
            ("anongid", not null) => this with { AnonymousGroup = Id(value, text) },
            ("attr-cache", not null) => this with { AttributeTime = Seconds(words[0], value, text) },
            ("manage_gids", null) => this with { GroupsTime = UsualGroupsTime },
            ("manage_gids", not null) => this with { GroupsTime = Seconds(words[0], value, text) },
            ("networks", not null) => this with { Networks = [.. NetworksOf(value)] },
            _ => throw new FormatException($"{text}: {option} is no option of an export; write {Form}"),
        };
    }

    // Colons separate networks; IPv6 addresses, which have colons too, are in brackets.
    private static IEnumerable<ClientNetwork> NetworksOf(string value)
    {
        for (int start = 0, end; start < value.Length; start = end + 1)
        {
            bool bracketed = value[start] == '[';
            int close = bracketed ? value.IndexOf(']', start) : start;
            end = close < 0 ? -1 : value.IndexOf(':', close);
            end = end < 0 ? value.Length : end;
            yield return ClientNetwork.Parse(value[start..end].Replace("[", "").Replace("]", ""));
        }
    }

    private static uint Id(string value, string text) => uint.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out uint id) && id != uint.MaxValue
        ? id
        : throw new FormatException($"{text}: {value} is no id of a user or group: write a number below {uint.MaxValue}");

    private static TimeSpan Seconds(string option, string value, string text) =>
        double.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds) && seconds <= MostTime.TotalSeconds
            ? TimeSpan.FromSeconds(seconds)
            : throw new FormatException($"{text}: {value} is no time of {option}: write seconds from 0 to {MostTime.TotalSeconds}, as in {option}=0.5");

    // The parts between separators, except separators after a backslash.
    private static List<string> Split(string text, char separator)
    {
        List<string> parts = [];
        int start = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\')
            {
                i++;
            }
            else if (text[i] == separator)
            {
                parts.Add(text[start..i]);
                start = i + 1;
            }
        }

        parts.Add(text[start..]);
        return parts;
    }

    private static string Plain(string text)
    {
        System.Text.StringBuilder plain = new(text.Length);
        for (int i = 0; i < text.Length; i++)
            plain.Append(text[i] == '\\' && i + 1 < text.Length ? text[++i] : text[i]);
        return plain.ToString();
    }
}
