using Multiplex.Interop;
using Multiplex.Sockets.Names;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets;

/// <summary>A server's own socket: it has an address, so that others find it. The base of listeners and datagram sockets.</summary>
public abstract class BoundSocket : IDisposable
{
    private readonly SocketName? _name;
    private bool _closed;

    private protected BoundSocket(int descriptor, EndpointKind kind)
    {
        Descriptor = descriptor;
        Kind = kind;
        Local = LocalEndpoint(descriptor, kind);
        _name = Path is null ? null : new(Path);
    }

    // Another descriptor of the same socket; the first one removes the name.
    private protected BoundSocket(BoundSocket original)
    {
        Descriptor = fcntl(original.Descriptor, F_DUPFD_CLOEXEC, 0).OrThrow("fcntl F_DUPFD_CLOEXEC", original.Local.ToString());
        Kind = original.Kind;
        Local = original.Local;
    }

    /// <summary>The socket, non-blocking at first, not kept across execve(2).</summary>
    public int Descriptor { get; }

    /// <summary>The kind of the socket.</summary>
    public EndpointKind Kind { get; }

    /// <summary>Its address from getsockname(2), with the port that the kernel chose.</summary>
    public Endpoint Local { get; }

    /// <summary>
    /// The addresses that it is reached at: <see cref="Local"/>, and every IPv4 interface too when it is an IPv6 socket on every
    /// interface that takes both, ipv6(7).
    /// </summary>
    public IReadOnlyList<Endpoint> Reached => Local.Host == "::" && !IsOnlyIPv6 ? [Local, Local with { Host = "0.0.0.0" }] : [Local];

    /// <summary>Whether it is an IPv6 socket that takes no IPv4.</summary>
    private protected bool IsOnlyIPv6 =>
        Local.Host == "::" && getsockopt(Descriptor, IPPROTO_IPV6, IPV6_V6ONLY, out int only).OrThrow("getsockopt IPV6_V6ONLY") >= 0 && only != 0;

    /// <summary>Its name in the file system; null when it has none.</summary>
    public string? Path => HasPath(Local) ? Local.Path : null;

    /// <summary>
    /// Lets every user connect: to a UNIX-domain socket with a name that takes the right to write to it, unix(7), which the
    /// umask usually keeps for its owner.
    /// </summary>
    /// <exception cref="SyscallException">The name is gone, say.</exception>
    public void LetEverybodyIn()
    {
        const uint AllUsers = 0x1B6;   // rw-rw-rw-
        if (Path is not null)
            chmod(Path, AllUsers).OrThrow("chmod", Local);
    }

    /// <summary>
    /// Whether to accept or to receive waits: O_NONBLOCK, which belongs to the open socket and so to every process that has it.
    /// </summary>
    public void SetBlocking(bool blocking)
    {
        nint flags = fcntl(Descriptor, F_GETFL).OrThrow("fcntl F_GETFL");
        fcntl(Descriptor, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK).OrThrow("fcntl F_SETFL");
    }

    /// <summary>
    /// Removes its name from the file system, if it has one and that is still its own; from any thread, and once. The socket stays open.
    /// </summary>
    public void RemoveName() => _name?.Remove();

    /// <summary>Closes the socket; the name of a UNIX-domain socket is removed, if it is still its own.</summary>
    public void Dispose()
    {
        if (_closed)
            return;
        _closed = true;
        RemoveName();
        close(Descriptor);
        GC.SuppressFinalize(this);
    }

    /// <summary>IPV6_V6ONLY of ipv6(7): leaves the same port of IPv4 to another socket.</summary>
    private protected static void LeaveIPv4(int fd, bool leave)
    {
        if (leave)
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1).OrThrow("setsockopt IPV6_V6ONLY");
    }

    /// <summary>SO_REUSEPORT of socket(7): lets other sockets of this user, that have it too, be bound to the same port.</summary>
    private protected static void SharePort(int fd) => setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, 1).OrThrow("setsockopt SO_REUSEPORT");

    /// <summary>One more socket at this address, with SO_REUSEPORT.</summary>
    /// <param name="prepare">Sets further options before bind(2).</param>
    /// <param name="finish">Makes of the bound socket what it is to be.</param>
    private protected T BindSibling<T>(Action<int> prepare, Func<int, T> finish)
    {
        try
        {
            return Bind(
                Local,
                fd =>
                {
                    prepare(fd);
                    SharePort(fd);
                },
                finish);
        }
        catch (SyscallException e) when (e.Errno == EADDRINUSE && !IsShared)
        {
            throw new SyscallException(e.Call, e.Errno, $"{Local}", "the first socket there was opened to be the only one: open it with shared: true");
        }
    }

    private bool IsShared => getsockopt(Descriptor, SOL_SOCKET, SO_REUSEPORT, out int shared).OrThrow("getsockopt SO_REUSEPORT") >= 0 && shared != 0;

    /// <summary>socket(2), bind(2): the first of the endpoint's addresses that can be bound.</summary>
    /// <param name="endpoint">Which address.</param>
    /// <param name="prepare">Sets options before bind(2).</param>
    /// <param name="finish">Makes of the bound socket what it is to be; what it throws closes the socket.</param>
    private protected static T Bind<T>(Endpoint endpoint, Action<int> prepare, Func<int, T> finish)
    {
        SyscallException? failure = null;
        foreach (byte[] address in AddressLookup.Find(endpoint, passive: true))
        {
            try
            {
                return Bind(endpoint, address, prepare, finish);
            }
            catch (SyscallException e)
            {
                failure ??= e;
            }
        }

        throw failure!;
    }

    private static T Bind<T>(Endpoint endpoint, byte[] address, Action<int> prepare, Func<int, T> finish)
    {
        using NameLock? name = HasPath(endpoint) ? SocketName.Lock(endpoint.Path) : null;
        int fd = socket(AddressLookup.FamilyOf(address), endpoint.Kind.SocketType() | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
            .OrThrow("socket", endpoint);
        bool named = false;
        try
        {
            prepare(fd);
            SyscallResult bound = bind(fd, address);
            if (bound.Is(EADDRINUSE) && HasPath(endpoint) && SocketName.RemoveStale(endpoint, address))
                bound = bind(fd, address);
            bound.OrThrow("bind", endpoint);
            named = HasPath(endpoint);
            return finish(fd);
        }
        catch
        {
            if (named)
                unlink(endpoint.Path);
            close(fd);
            throw;
        }
    }

    /// <summary>Whether it has a name in the file system.</summary>
    internal static bool HasPath(Endpoint endpoint) => !endpoint.Kind.IsInternet() && !endpoint.Path.StartsWith('@');

    private static Endpoint LocalEndpoint(int fd, EndpointKind kind)
    {
        Span<byte> address = stackalloc byte[PeerAddress.MaxLength];
        int length = getsockname(fd, address).OrThrow("getsockname");
        return Endpoint.Parse(AddressText.Format(kind, address[..length]));
    }
}
