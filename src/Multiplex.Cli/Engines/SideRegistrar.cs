using System.Globalization;
using System.Text;
using Multiplex.Cli.Serving;
using Multiplex.Cli.Serving.Logs;
using Multiplex.Observing;
using Multiplex.Rpc.Binding;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Engines;

/// <summary>
/// The process that keeps a server's registrations in an engine: <c>multiplex-fleet</c> beside the server, which stays <c>multiplex</c>. It holds the lease, so a
/// model that forks needs no thread for it, and the server's own memory stays what it is without an engine.
/// </summary>
/// <remarks>
/// The two share a pair of sockets. The process sends a byte when the server is registered, or else the reason why it is not; the server sends a byte when it stops, and receives one
/// when the registrations are removed. If either end closes without, its process was killed: the registrations then go at once, or with the lease.
/// </remarks>
internal sealed class SideRegistrar
{
    /// <summary>The first of its arguments.</summary>
    public const string Word = "@registrar";

    private const char Comma = ',';

    private const string Option = "--register-at";

    private const int LongestReason = 1024;   // bytes

    private static readonly byte[] s_done = [1];

    private readonly NameBackendOptions _options;
    private readonly string _logForm;

    private SideRegistrar(NameBackendOptions options, string logForm) => (_options, _logForm) = (options, logForm);

    /// <summary>The one that a server's options ask for; null if there is no --register-at.</summary>
    /// <exception cref="UsageException">They are wrong.</exception>
    public static SideRegistrar? Of(ServeOptions options)
    {
        if (options.RegisterAt is not { } url)
        {
            UsageException.ThrowIfGiven($"it is for {Option} {FleetEngines.Form}", ("--advertise", options.Advertise), ("--lease", options.Lease));
            return null;
        }

        FleetEngines.RequireUrl(Option, url);
        if (options.Register || options.NameServiceAt is not null)
            throw new UsageException($"{Option} {url}: it registers without a name service; leave out --register and --rpcbind, or it");
        return new(FleetEngines.Read(url, options.Advertise, options.Lease), options.LogForm);
    }

    /// <summary>Starts it, and waits until the server is registered.</summary>
    /// <param name="programs">The programs.</param>
    /// <param name="addresses">The addresses at which each of them is served.</param>
    /// <returns>The server's socket to it.</returns>
    /// <exception cref="IOException">There is no multiplex-fleet; or it could not register: the message says why.</exception>
    public int Start(IReadOnlyList<(uint Number, uint Version)> programs, IReadOnlyList<Endpoint> addresses)
    {
        string[] registrations =
        [
            .. from one in programs
               from address in addresses
               where address.Kind.IsInternet()
               select $"{one.Number}/{one.Version}/{Netid.Of(address)}/{UniversalAddress.Of(address)}",
        ];
        if (registrations.Length == 0)
            throw new UsageException($"{Option} {_options.Url}: others reach no server by a path: add --listen tcp://… or udp://…");
        string program = FleetEngines.FindCommand(Option, _options.Url);
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out int own, out int other).OrThrow("socketpair");
        fcntl(other, F_SETFD, 0).OrThrow("fcntl");
        string[] words =
        [
            program, Word, $"{other}", $"{Environment.ProcessId}", _options.Url, _options.Lease.TotalSeconds.ToString(CultureInfo.InvariantCulture),
            string.Join(Comma, _options.Advertise), $"{(int)Log.Level}", _logForm, .. registrations,
        ];
        posix_spawn(out _, program, words, OtherProgram.Variables()).OrThrow("posix_spawn", program);
        close(other);
        Span<byte> answer = stackalloc byte[LongestReason];
        answer = answer[..Math.Max((int)recv(own, answer, 0).Value, 0)];
        if (answer.SequenceEqual(s_done))
            return own;
        close(own);
        throw new IOException($"{Option} {_options.Url}: {(answer.Length > 0 ? Encoding.UTF8.GetString(answer) : "the server is not registered")}");
    }

    /// <summary>Says that the server is registered, or that the registrations are removed.</summary>
    /// <param name="server">The socket to the server.</param>
    public static void SayDone(int server) => send(server, s_done, MSG_NOSIGNAL);

    /// <summary>Says why the server is not registered.</summary>
    /// <param name="server">The socket to the server.</param>
    /// <param name="reason">Why, of which the first 1024 bytes are sent.</param>
    public static void SayFailed(int server, string reason)
    {
        byte[] text = Encoding.UTF8.GetBytes(reason);
        send(server, text.AsSpan(0, Math.Min(text.Length, LongestReason)), MSG_NOSIGNAL);
    }

    /// <summary>Reads the arguments that <see cref="Start"/> writes.</summary>
    /// <returns>The socket to the server, the server's process, how the engine is used, the level of the server's log and whether it is JSON, and each PROGRAM/VERSION/NETID/ADDRESS.</returns>
    public static (int Server, int Process, NameBackendOptions Options, (EventLevel Level, bool IsJson) Log, IReadOnlyList<string> Registrations) Read(string[] words) =>
        (int.Parse(words[0], CultureInfo.InvariantCulture), int.Parse(words[1], CultureInfo.InvariantCulture),
            new(words[2], TimeSpan.FromSeconds(double.Parse(words[3], CultureInfo.InvariantCulture)), words[4].Split(Comma, StringSplitOptions.RemoveEmptyEntries)),
            ((EventLevel)int.Parse(words[5], CultureInfo.InvariantCulture), words[6] == "json"), words[7..]);
}
