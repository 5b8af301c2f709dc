using Multiplex.Cli.Options;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Serving.Privileges;

/// <summary>The permissions and the owner of UNIX-domain sockets with a path. To connect to one, or to send it a datagram, takes the right to write: unix(7).</summary>
/// <param name="Mode">The permissions; null: what the umask leaves.</param>
/// <param name="Owner">The owner and group; null: the process's.</param>
internal sealed record SocketRights(uint? Mode, Account? Owner)
{
    private const uint AllBits = 0x1FF;   // rwxrwxrwx

    /// <summary>What the options ask for; null: nothing.</summary>
    /// <exception cref="UsageException">It is no mode, no user, or there is no socket with a path.</exception>
    public static SocketRights? Of(ServeOptions options, IReadOnlyList<ListenTarget> targets)
    {
        if (options.SocketMode is null && options.SocketOwner is null)
            return null;
        if (!targets.Select(target => target.Endpoint).OfType<Endpoint>().Any(one => !one.Kind.IsInternet() && !one.Path.StartsWith('@')))
            throw new UsageException($"--socket-{(options.SocketMode is null ? "owner" : "mode")}: it is for UNIX-domain sockets with a path, and --listen names none");
        return new(
            options.SocketMode is null ? null : Values.Parsed("--socket-mode", options.SocketMode, ModeOf),
            options.SocketOwner is null ? null : Values.Parsed("--socket-owner", options.SocketOwner, Account.Parse));
    }

    /// <summary>Opens sockets that nobody else may use before they have their owner and their permissions: bind(2) makes them without any. Those that another process passed keep what they have.</summary>
    /// <param name="open">Opens them.</param>
    public ServerSockets Open(Func<ServerSockets> open)
    {
        uint usual = umask(AllBits);
        ServerSockets sockets;
        try
        {
            sockets = open();
        }
        finally
        {
            umask(usual);
        }

        foreach (string path in sockets.All.Where(socket => !socket.IsAdopted).Select(socket => socket.Path).OfType<string>())
            Set(path, AllBits & ~usual);
        return sockets;
    }

    // By a descriptor, so that the two are those of one file, which is no link that has come in its place.
    private void Set(string path, uint usual)
    {
        int descriptor = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC).OrThrow("open", path);
        try
        {
            if (Owner is not null)
                fchownat(descriptor, [0], Owner.User, Owner.Group, AT_EMPTY_PATH).OrThrow("chown", path);
            chmod($"/proc/self/fd/{descriptor}", Mode ?? usual).OrThrow("chmod", path);
        }
        finally
        {
            close(descriptor);
        }
    }

    private static uint ModeOf(string text) => text.Length is 3 or 4 && text.All(char.IsAsciiDigit) && !text.AsSpan().ContainsAny('8', '9') && Convert.ToUInt32(text, 8) is <= AllBits and uint mode
        ? mode
        : throw new FormatException($"{text}: write the permissions as chmod(1) does, in octal, such as 0660");
}
