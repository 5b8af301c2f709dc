using Multiplex.Interop;
using Multiplex.Models;
using Multiplex.Sockets;
using Multiplex.Sockets.Adopted;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Serving.Upgrade;

/// <summary>What a new server takes over from the running one: <c>serve --takeover</c>. The running server serves until <see cref="Begin"/>, and then drains.</summary>
internal sealed class Takeover : IDisposable
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(30);

    private readonly Endpoint _at;
    private readonly HandoverStream _running;
    private readonly List<BoundSocket> _sockets = [];
    private readonly List<BoundSocket> _own = [];   // those that no service manager keeps open
    private readonly List<(string Name, int Descriptor)> _memory = [];

    private Takeover(Endpoint at, HandoverStream running) => (_at, _running) = (at, running);

    /// <summary>The sockets of the running server: for each <c>--listen</c> one, or several if it has several loops.</summary>
    public IReadOnlyList<BoundSocket> Sockets => _sockets;

    /// <summary>The files in memory of the running server; the caller closes them.</summary>
    public IReadOnlyList<(string Name, int Descriptor)> Memory => _memory;

    /// <summary>Where the running server offers its sockets; from <see cref="Begin"/> on this server offers them there.</summary>
    public Listener? Offer { get; private set; }

    /// <summary>Requests the sockets and the memory from the running server.</summary>
    /// <param name="at">Where it offers its sockets.</param>
    /// <param name="targets">What this server is to serve.</param>
    /// <param name="model">The model that is to serve it.</param>
    /// <param name="keepAlive">For TCP: the idle time after which the kernel probes a connection.</param>
    /// <returns>Null if no server is running.</returns>
    /// <exception cref="IOException">It is another user's, has another protocol version, refuses, or has a socket that this server does not serve.</exception>
    public static Takeover? From(Endpoint at, IReadOnlyList<ListenTarget> targets, ServerModelEntry model, TimeSpan keepAlive)
    {
        int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0).OrThrow("socket");
        Takeover takeover = new(at, new(descriptor));
        try
        {
            SyscallResult connected = connect(descriptor, AddressLookup.Find(at, passive: false)[0]);
            if (connected.Is(ECONNREFUSED) || connected.Is(ENOENT))
            {
                takeover.Dispose();
                return null;
            }

            connected.OrThrow("connect", $"{at}");
            takeover._running.LimitWaits(s_timeout);
            if (takeover._running.User != geteuid())
                throw new IOException($"--takeover {at}: the server there is user {takeover._running.User}'s, and this one is user {geteuid()}'s: only the same user may take over");
            takeover.Receive(keepAlive);
            takeover.RequireAll(targets, model);
            return takeover;
        }
        catch
        {
            takeover.GiveBack();
            throw;
        }
    }

    /// <summary>From now on this server treats the sockets as its own. A server that forks calls this before <see cref="Begin"/>, for its children.</summary>
    public void Own() => _own.ForEach(socket => socket.Own());

    /// <summary>This server accepts connections: the running one stops, and leaves the connections in the queues to this server.</summary>
    /// <exception cref="IOException">The running server has ended or was stopped meanwhile, so its sockets cannot be used.</exception>
    public void Begin()
    {
        string? answer;
        try
        {
            _running.Send(HandoverStream.Ready);
            answer = _running.Receive();
        }
        catch (SyscallException e)
        {
            throw Lost(e.Message);
        }

        if (answer != HandoverStream.Yours)
            throw Lost(answer ?? "it has ended");
        Own();
        _running.Dispose();
    }

    public void Dispose() => _running.Dispose();

    private void Receive(TimeSpan keepAlive)
    {
        string? greeting = _running.Receive();
        if (greeting != HandoverStream.Greeting)
            throw new IOException($"--takeover {_at}: the server there says '{Output.Printable.Of(greeting ?? "nothing")}' in place of '{HandoverStream.Greeting}'");
        for (string? line = _running.Receive(); line != HandoverStream.End; line = _running.Receive())
        {
            if (After(HandoverStream.Own, line) is { } own)
                _own.Add(Adopt(own, keepAlive));
            else if (After(HandoverStream.Kept, line) is { } kept)
                Adopt(kept, keepAlive);
            else if (After(HandoverStream.Memory, line) is { } name)
                _memory.Add((name, _running.TakeDescriptor()));
            else if (line == HandoverStream.Offer)
                _own.Add(Offer = (Listener)AdoptedSocket.Of(_running.TakeDescriptor(), $"{_at}", isKept: true));
            else
                throw new IOException($"--takeover {_at}: the server there {(line is null ? "has ended" : $"says '{Output.Printable.Of(line)}'")}");
        }
    }

    // Until Begin, the sockets still belong to the running server.
    private BoundSocket Adopt(string asked, TimeSpan keepAlive)
    {
        BoundSocket socket = AdoptedSocket.Of(_running.TakeDescriptor(), asked, isKept: true, keepAlive);
        _sockets.Add(socket);
        return socket;
    }

    // All or nothing: a socket that this server did not take would be closed with the running one, and its clients would be refused.
    private void RequireAll(IReadOnlyList<ListenTarget> targets, ServerModelEntry model)
    {
        foreach (BoundSocket socket in _sockets)
        {
            if (!targets.Any(target => target.Text == socket.Asked))
                throw new IOException($"--takeover {_at}: the server there serves {socket.Asked} too: add --listen {socket.Asked}, or stop that server first");
            ListenTarget.RequireServed(socket.Asked, socket.Kind, model);
        }
    }

    private void GiveBack()
    {
        foreach (BoundSocket socket in _sockets.Concat(Offer is null ? [] : [Offer]))
            socket.Dispose();

        _memory.ForEach(one => close(one.Descriptor));
        Dispose();
    }

    private IOException Lost(string why)
    {
        _own.ForEach(socket => socket.Keep());
        return new($"--takeover {_at}: the server there did not hand over: {why}; start this one again");
    }

    private static string? After(string word, string? line) => line?.StartsWith(word, StringComparison.Ordinal) == true ? line[word.Length..] : null;
}
