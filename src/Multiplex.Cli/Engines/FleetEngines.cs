using Multiplex.Cli.Options;
using Multiplex.Rpc.Binding;

namespace Multiplex.Cli.Engines;

/// <summary>
/// The engines that servers of many machines share, by the scheme of their URL. Their clients are in <c>multiplex-fleet</c>, which has the same verbs and fills
/// the table when it starts. In <c>multiplex</c> the table is empty, so that a server without an engine has no client of one in memory: if an option names an engine,
/// <c>multiplex</c> executes multiplex-fleet, under the same process id.
/// </summary>
internal static class FleetEngines
{
    /// <summary>The command that has their clients.</summary>
    public const string Command = "multiplex-fleet";

    /// <summary>How an engine is written, for help.</summary>
    public const string Form = "etcd://HOST:PORT[,HOST:PORT][/PREFIX]";

    /// <summary>How a program that one of them finds is written, for help.</summary>
    public const string ProgramForm = "rpc+etcd://HOST:PORT/PROGRAM[/VERSION]";

    /// <summary>How NATS is written, for help.</summary>
    public const string NatsForm = "nats://[USER:PASSWORD@]HOST[:PORT]";

    /// <summary>The help of --advertise.</summary>
    public const string AdvertiseHelp = "Under which of its addresses this machine is known to the others, of servers that listen on every interface: an IPv4 address, an IPv6 address, or both. Default: the one that the route to etcd leaves from.";

    /// <summary>The help of --lease.</summary>
    public const string LeaseHelp = "How long registrations outlive a machine that dies or is cut off: 10s by default, from 2s to 1h.";

    private static readonly TimeSpan s_usualLease = TimeSpan.FromSeconds(10), s_leastLease = TimeSpan.FromSeconds(2);

    private const string Separator = "://", ProgramScheme = "rpc+";

    private static readonly string[] s_schemes = ["etcd", "etcds"];

    /// <summary>The engines by scheme.</summary>
    public static Dictionary<string, INameEngine> Names { get; } = [];

    /// <summary>NATS, where the agents of loads meet; null in multiplex.</summary>
    public static IAgentsEngine? Agents { get; set; }

    /// <summary>Where NATS is: after --nats, or else in the environment.</summary>
    /// <exception cref="UsageException">It is in neither.</exception>
    public static string NatsUrl(string? option) => option ?? Environment.GetEnvironmentVariable("NATS_URL") ?? throw new UsageException($"--nats is missing: write {NatsForm}, or set NATS_URL");

    /// <summary>Where the agents of loads meet. In multiplex, the process goes on as multiplex-fleet and this does not return.</summary>
    /// <exception cref="UsageException">The URL is wrong.</exception>
    /// <exception cref="IOException">There is no multiplex-fleet.</exception>
    public static IAgentsEngine FindAgents(string url)
    {
        const string Option = "--nats";
        if (SchemeOf(url) is not ("nats" or "tls"))
            throw new UsageException($"{Option} {Shown(url)}: write {NatsForm}");
        IAgentsEngine engine = Agents ?? throw Become(Option, url);
        return Values.Parsed(Option, url, text =>
        {
            engine.Check(text);
            return engine;
        });
    }

    /// <summary>Whether a text is meant to be a program that an engine finds, by how it begins.</summary>
    public static bool IsProgram(string text) =>
        s_schemes.Any(scheme => text.StartsWith($"{ProgramScheme}{scheme}{Separator}", StringComparison.Ordinal));

    /// <summary>The engines that remember which calls were run, by scheme.</summary>
    public static Dictionary<string, IReplyStoreEngine> ReplyStores { get; } = [];

    /// <summary>The engine of a Redis. In multiplex, the process goes on as multiplex-fleet and this does not return.</summary>
    /// <param name="option">The option.</param>
    /// <param name="url">Its URL, which is right.</param>
    /// <exception cref="IOException">There is no multiplex-fleet.</exception>
    public static IReplyStoreEngine FindReplyStore(string option, string url) => ReplyStores.GetValueOrDefault(SchemeOf(url)) ?? throw Become(option, url);

    /// <summary>The engine of an option's URL. In multiplex, the process goes on as multiplex-fleet and this does not return.</summary>
    /// <exception cref="UsageException">The URL is of no engine.</exception>
    /// <exception cref="IOException">There is no multiplex-fleet.</exception>
    public static INameEngine Find(string option, string url)
    {
        RequireUrl(option, url);
        return Names.GetValueOrDefault(SchemeOf(url)) ?? throw Become(option, url);
    }

    /// <summary>Refuses what is no URL of an engine, before a process or a socket is made. The engine reads it in the same way.</summary>
    /// <exception cref="UsageException">It is none.</exception>
    public static void RequireUrl(string option, string url)
    {
        string scheme = SchemeOf(url);
        if (!s_schemes.Contains(scheme))
            throw new UsageException($"{option} {Shown(url)}: write {Form}");
        if (url.Contains('@'))
            throw new UsageException($"{option} {Shown(url)}: users of etcd are not supported: write {Form}");
        string[] parts = url[(scheme.Length + Separator.Length)..].Split('/', 2);
        if (parts[0].Split(',').FirstOrDefault(host => !IsHost(host)) is { } wrong)
            throw new UsageException($"{option} {url}: '{wrong}' is no host with a port: write {Form}");
        if (parts is [_, string prefix] && ($"/{prefix}".TrimEnd('/').Contains("//", StringComparison.Ordinal) || prefix.Any(one => char.IsControl(one) || char.IsWhiteSpace(one))))
            throw new UsageException($"{option} {url}: '/{prefix}' is no prefix of keys: write {Form}");
    }

    /// <summary>A URL for messages: without its user and password.</summary>
    public static string Shown(string url)
    {
        int end = url.LastIndexOf('@');
        return end < 0 ? url : $"{SchemeOf(url)}{(SchemeOf(url).Length > 0 ? Separator : "")}…{url[end..]}";
    }

    private static bool IsHost(string text) =>
        text.Length > 0 && !text.EndsWith(':') && Uri.TryCreate($"http://{text}", UriKind.Absolute, out Uri? host) && host is { PathAndQuery: "/", Fragment: "", Port: > 0 };

    /// <summary>The servers of a program that an engine finds, in an order that differs each time.</summary>
    /// <exception cref="UsageException">The text is wrong.</exception>
    /// <exception cref="IOException">There is no server, or no engine, or no multiplex-fleet.</exception>
    public static IReadOnlyList<FleetServer> Locate(string option, string program, TimeSpan timeout)
    {
        INameEngine engine = Names.GetValueOrDefault(SchemeOf(program)[ProgramScheme.Length..]) ?? throw Become(option, program);
        return Values.Parsed(option, program, text => engine.Locate(text, timeout));
    }

    /// <summary>What stands behind a name service, by its options; null where no engine is asked for.</summary>
    /// <exception cref="UsageException">They are wrong.</exception>
    /// <exception cref="IOException">There is no multiplex-fleet.</exception>
    public static INameBackend? Backend(string option, string? url, string? advertise, string? lease, string? zoneFile)
    {
        if (url is null)
        {
            UsageException.ThrowIfGiven($"it is for {option} {Form}", ("--advertise", advertise), ("--lease", lease), ("--export-srv", zoneFile));
            return null;
        }

        INameEngine engine = Find(option, url);
        return Values.Parsed(option, url, text => engine.Open(Read(text, advertise, lease) with { ZoneFile = zoneFile }));
    }

    /// <summary>The options that say how an engine is used.</summary>
    /// <exception cref="UsageException">They are wrong.</exception>
    public static NameBackendOptions Read(string url, string? advertise, string? lease)
    {
        TimeSpan time = lease is null ? s_usualLease : Values.Time("--lease", lease, TimeSpan.FromHours(1));
        return time >= s_leastLease ? new(url, time, Advertised(advertise)) : throw new UsageException($"--lease {lease}: write a time from 2s to 1h");
    }

    // The addresses after --advertise.
    private static string[] Advertised(string? text)
    {
        if (text is null)
            return [];
        string[] addresses = text.Split(',');
        bool isWrong = addresses.Any(one => !UniversalAddress.TryParse(one.Contains(':') ? Netid.Tcp6 : Netid.Tcp, $"{one}.0.1", out Sockets.Endpoint? endpoint) || UniversalAddress.IsEverywhere(endpoint));
        return isWrong || addresses.Select(one => one.Contains(':')).Distinct().Count() < addresses.Length
            ? throw new UsageException($"--advertise {text}: write an IPv4 address, an IPv6 address, or one of each with a comma between them")
            : addresses;
    }

    /// <summary>The path of multiplex-fleet: beside this program, or on PATH.</summary>
    /// <exception cref="IOException">It is not there.</exception>
    public static string FindCommand(string option, string url)
    {
        string own = Path.GetDirectoryName(Environment.ProcessPath) ?? "";
        return OtherProgram.Find(Command, own)
            ?? throw new IOException($"{option} {Shown(url)}: this is done by {Command}, which is neither in {own} nor on PATH: the Debian package has it, and ./run-all.sh build makes it");
    }

    private static string SchemeOf(string url) => url.IndexOf(Separator, StringComparison.Ordinal) is > 0 and int end ? url[..end] : "";

    /// <summary>Continues as multiplex-fleet, with the same words and process id. Only called in multiplex, before threads or sockets are made.</summary>
    /// <returns>Only if that failed: what to throw.</returns>
    /// <exception cref="IOException">There is no multiplex-fleet.</exception>
    public static IOException Become(string option, string url)
    {
        string program = FindCommand(option, url);
        OtherProgram.Become(program, Environment.GetCommandLineArgs()[1..]);
        return new IOException($"{program} was not started");
    }
}
