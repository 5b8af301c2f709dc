using Multiplex.Cli.Output;
using Multiplex.Cli.Serving.Logs;
using Multiplex.Forking;
using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Serving.Upgrade;

/// <summary>
/// Offers the sockets and the kept memory of this server to the next one. It runs on a thread; for a model that forks, in a process
/// beside the server, since no other thread may run at a fork. It has a stream to the server, which ends when the server begins to stop.
/// </summary>
internal sealed class HandoverOffer
{
    /// <summary>How many new servers may wait.</summary>
    public const int Backlog = 8;

    private const byte HandedOver = 1, Accepting = 2;

    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(60);   // a new server must start within this time

    private readonly Listener _at;
    private readonly ServerSockets _sockets;
    private readonly KeptMemory _memory;
    private readonly ServerCounters _counters;
    private readonly int _process = getpid();
    private readonly bool _forks;
    private readonly int _server, _offer;   // the two ends of the stream

    /// <summary>Prepares it. For a model that forks, starts it.</summary>
    /// <param name="at">Where the next server connects.</param>
    /// <param name="sockets">The sockets to hand over.</param>
    /// <param name="memory">The memory to hand over.</param>
    /// <param name="counters">The counters of the server.</param>
    /// <param name="forks">Whether the model forks.</param>
    /// <exception cref="SyscallException">The limit on descriptors or on processes is reached.</exception>
    public HandoverOffer(Listener at, ServerSockets sockets, KeptMemory memory, ServerCounters counters, bool forks)
    {
        (_at, _sockets, _memory, _counters, _forks) = (at, sockets, memory, counters, forks);
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out _server, out _offer).OrThrow("socketpair");
        foreach (BoundSocket socket in sockets.All)
            socket.Share();
        if (!forks)
            return;
        SideProcess.Start("handover", Run, _server);
        close(_offer);
    }

    /// <summary>The server accepts connections: from now on another server may take over.</summary>
    public void Open()
    {
        if (!_forks)
            new Thread(Run) { IsBackground = true, Name = "handover" }.Start();
        send(_server, [Accepting], MSG_NOSIGNAL);
    }

    /// <summary>The server begins to stop: from now on no other server can take over.</summary>
    /// <returns>Whether another server has taken over.</returns>
    public bool Close()
    {
        shutdown(_server, SHUT_WR);
        bool isHandedOver = recv(_server, stackalloc byte[1], 0).Value == 1;
        if (isHandedOver)
            _at.Keep();
        _at.Dispose();
        return isHandedOver;
    }

    private void Run()
    {
        Span<byte> accepting = stackalloc byte[1];
        if (recv(_offer, accepting, 0).Value == 1)
        {
            while (Await(_at.Descriptor, Timeout.InfiniteTimeSpan))
            {
                if (Take() is not { } next)
                    continue;
                using (next)
                {
                    if (HandOver(next))
                        break;
                }
            }
        }

        close(_offer);
    }

    private HandoverStream? Take()
    {
        SyscallResult accepted = _at.Accept(connectionBlocks: true, out _);
        if (accepted.IsError)
            return null;
        HandoverStream next = new((int)accepted.Value);
        if (next.User == geteuid() || next.User == 0)
            return next;   // root becomes --user itself, once it has the sockets
        Log.Warning("takeover_refused", $"user {next.User} may not take over from a server of user {geteuid()}: refused");
        next.Dispose();
        return null;
    }

    private bool HandOver(HandoverStream next)
    {
        try
        {
            next.LimitWaits(s_timeout);
            next.Send(HandoverStream.Greeting);
            int count = 0;
            foreach (BoundSocket socket in _sockets.All.SelectMany(socket => (IEnumerable<BoundSocket>)[socket, .. socket.Siblings]))
            {
                next.Send((socket.IsKept ? HandoverStream.Kept : HandoverStream.Own) + socket.Asked, socket.Descriptor);
                count++;
            }

            foreach ((string name, int descriptor) in _memory.Files)
                next.Send(HandoverStream.Memory + name, descriptor);
            next.Send(HandoverStream.Offer, _at.Descriptor);
            next.Send(HandoverStream.End);
            if (!Await(next.Descriptor, s_timeout) || next.Receive() != HandoverStream.Ready)
                return false;

            // From here on the takeover is final: if this server begins to stop at the same moment, Close waits for the byte sent here.
            next.Send(HandoverStream.Yours);
            _counters.Add(Counter.SocketsHandedOver, count);
            send(_offer, [HandedOver], MSG_NOSIGNAL);
            if (!IsStopping())
                kill(_process, SIGTERM);
            return true;
        }
        catch (IOException e)
        {
            Log.Warning("takeover_failed", $"the server that was to take over is gone: {Printable.Of(e.Message)}");
            return false;
        }
    }

    private bool IsStopping()
    {
        Span<pollfd> set = [new() { fd = _offer, events = POLLIN }];
        return poll(set, 0).Value > 0;
    }

    // Whether the descriptor is readable. False if the server stops or the time is up.
    private bool Await(int descriptor, TimeSpan time)
    {
        Span<pollfd> set = [new() { fd = _offer, events = POLLIN }, new() { fd = descriptor, events = POLLIN }];
        SyscallResult result;
        do
        {
            result = poll(set, (int)time.TotalMilliseconds);
        }
        while (result.Is(EINTR));
        return result.Value > 0 && set[0].revents == 0;
    }
}
