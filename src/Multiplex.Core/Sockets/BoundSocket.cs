using Multiplex.Interop;
using Multiplex.Sockets.Names;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets;

/// <summary>A server's own socket: it has an address, so that others find it. The base of listeners and datagram sockets.</summary>
public abstract class BoundSocket : IDisposable
{
    private readonly SocketName? _name;
    private readonly List<BoundSocket> _siblings = [];
    private int _taken;   // of the siblings: those that have a user
    private bool _closed;

    private protected BoundSocket(int descriptor, EndpointKind kind, string asked)
    {
        Descriptor = descriptor;
        Kind = kind;
        Asked = asked;
        Local = LocalEndpoint(descriptor, kind);
        _name = Path is null ? null : new(Path);
    }

    // A socket of another process.
    private protected BoundSocket(int descriptor, EndpointKind kind, string asked, bool isKept)
    {
        Descriptor = descriptor;
        Kind = kind;
        Asked = asked;
        (IsAdopted, IsShared, IsKept) = (true, true, isKept);
        Local = LocalEndpoint(descriptor, kind);
        _name = Path is null || !SocketName.IsSocket(Path) ? null : new(Path);
        fcntl(descriptor, F_SETFD, FD_CLOEXEC).OrThrow("fcntl F_SETFD", asked);
        SetBlocking(false);
    }

    // Another descriptor of the same socket; the first one removes the name.
    private protected BoundSocket(BoundSocket original)
    {
        Descriptor = fcntl(original.Descriptor, F_DUPFD_CLOEXEC, 0).OrThrow("fcntl F_DUPFD_CLOEXEC", original.Local.ToString());
        Kind = original.Kind;
        Local = original.Local;
        Asked = original.Asked;
        (IsAdopted, IsShared, IsKept) = (original.IsAdopted, original.IsShared, original.IsKept);
    }

    /// <summary>The socket, non-blocking at first, not kept across execve(2).</summary>
    public int Descriptor { get; }

    /// <summary>The kind of the socket.</summary>
    public EndpointKind Kind { get; }

    /// <summary>Its address from getsockname(2), with the port that the kernel chose.</summary>
    public Endpoint Local { get; }

    /// <summary>How it was asked for: the endpoint, such as with port 0, or the name under which another process passed it.</summary>
    public string Asked { get; internal set; }

    /// <summary>Whether another process made it and passed it to this one. A <c>Sibling</c> is then one more descriptor of the same socket, with the same queue.</summary>
    public bool IsAdopted { get; }

    /// <summary>
    /// Whether another process has it too, or may get it: O_NONBLOCK stays set, for it belongs to the open socket, and a wait in accept(2) would
    /// be another process's as well.
    /// </summary>
    public bool IsShared { get; private set; }

    /// <summary>
    /// Whether another process keeps it open when this server stops, such as a service manager: what is in its queue is then left there, no
    /// option of it is changed, and its name in the file system stays.
    /// </summary>
    public bool IsKept { get; private set; }

    /// <summary>The further sockets at its address that were opened for other threads, each with a queue of its own. For when all are open.</summary>
    public IReadOnlyList<BoundSocket> Siblings => _siblings;

    /// <summary>Whether a sibling has a queue of its own: a socket of an internet protocol that this process opened.</summary>
    private protected bool HasOwnQueues => Kind.IsInternet() && !IsAdopted;

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
    /// Whether to accept or to receive waits: O_NONBLOCK, which belongs to the open socket and so to every process that has it. One that
    /// <see cref="IsShared"/> never waits.
    /// </summary>
    public void SetBlocking(bool blocking)
    {
        blocking &= !IsShared;
        nint flags = fcntl(Descriptor, F_GETFL).OrThrow("fcntl F_GETFL");
        fcntl(Descriptor, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK).OrThrow("fcntl F_SETFL");
    }

    /// <summary>
    /// Removes its name from the file system, if it has one and that is still its own; from any thread, and once. The socket stays open.
    /// </summary>
    public void RemoveName()
    {
        if (!IsKept)
            _name?.Remove();
    }

    /// <summary>Another process may get the socket while it is served: see <see cref="IsShared"/>.</summary>
    public void Share() => IsShared = true;

    /// <summary>Another process has got the socket, and goes on with it: see <see cref="IsKept"/>. Before the server stops to use it.</summary>
    public void Keep() => IsKept = true;

    /// <summary>No other process goes on with the socket any more: it ends with this server, as one that was opened here does.</summary>
    public void Own() => IsKept = false;

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

    /// <summary>
    /// Opens sockets in advance that later calls of <c>Sibling</c> return: bind(2) allows them to the user alone that has opened the first, SO_REUSEPORT of socket(7), and this process
    /// may become another. The kernel puts connections into their queues from now on.
    /// </summary>
    /// <param name="count">How many calls there will be.</param>
    /// <exception cref="SyscallException">Such as EADDRINUSE: this one was not opened to be shared.</exception>
    public void OpenSiblings(int count)
    {
        while (HasOwnQueues && _siblings.Count < count)
            _siblings.Add(BindSibling());
    }

    /// <summary>The next sibling with a queue of its own: one that was opened in advance, or else a new one.</summary>
    private protected BoundSocket NextSibling()
    {
        OpenSiblings(_taken + 1);
        return _siblings[_taken++];
    }

    private protected abstract BoundSocket BindSibling();

    /// <summary>One more socket at this address, with SO_REUSEPORT.</summary>
    /// <param name="prepare">Sets further options before bind(2).</param>
    /// <param name="finish">Makes of the bound socket what it is to be.</param>
    private protected T BindSibling<T>(Action<int> prepare, Func<int, T> finish)
        where T : BoundSocket
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
        catch (SyscallException e) when (e.Errno == EADDRINUSE && !SharesPort)
        {
            throw new SyscallException(e.Call, e.Errno, $"{Local}", "the first socket there was opened to be the only one: open it with shared: true");
        }
    }

    private bool SharesPort => getsockopt(Descriptor, SOL_SOCKET, SO_REUSEPORT, out int shared).OrThrow("getsockopt SO_REUSEPORT") >= 0 && shared != 0;

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
