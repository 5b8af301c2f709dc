using Multiplex.Engine;
using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Transports;

/// <summary>Accepts connections, and handles every error of accept(2).</summary>
internal sealed class Acceptor(ServerCounters counters, ServerOptions options) : IDisposable
{
    /// <summary>How long a stopping server goes on taking connections.</summary>
    public const int LastCallMilliseconds = 1000;

    private const int MostRefusals = 64;   // then the caller's other work has its turn

    // The last descriptors are not for connections: the runtime opens files too, such as for the thread that a signal is handled on,
    // and ends the process when it cannot.
    private const int KeptForOthers = 8;

    private readonly int _end = DescriptorLimit() - KeptForOthers;
    private readonly SpareDescriptor _spare = new();
    private long _until = long.MaxValue;

    /// <summary>Why <see cref="TryAccept"/> took nothing the last time: EAGAIN when no connection was pending, EINTR, or what is wrong.</summary>
    public int Errno { get; private set; }

    /// <summary>
    /// The server is stopping: connections that are pending now are still accepted. Connections that arrive later look the same, and clients
    /// that connect all the time would keep the listener open for ever: so this lasts a second at most.
    /// </summary>
    public void LastCall() => _until = Environment.TickCount64 + LastCallMilliseconds;

    /// <summary>Takes the next connection, if one is pending: it does not wait.</summary>
    /// <param name="listener">The listener.</param>
    /// <param name="connectionBlocks">Whether calls on the connection wait, as without O_NONBLOCK.</param>
    /// <param name="descriptor">Receives the connection.</param>
    /// <param name="peer">Receives its peer.</param>
    /// <returns>False when there is none, or none can be taken now or any more.</returns>
    public bool TryAccept(Listener listener, bool connectionBlocks, out int descriptor, out PeerAddress peer)
    {
        for (int refusals = 0; refusals < MostRefusals && Environment.TickCount64 < _until;)
        {
            SyscallResult result = listener.Accept(connectionBlocks, out peer);
            descriptor = (int)result.Value;
            if (!result.IsError)
            {
                if (Takes(descriptor, peer))
                    return true;
                Errno = EMFILE;
                refusals++;
                continue;
            }

            Errno = result.Errno;

            // No descriptor is left. accept4(2) fails so before it looks whether a connection is pending.
            if (result.Errno is EMFILE or ENFILE)
            {
                int refused = _spare.Refuse(listener);
                counters.Add(Counter.Refused, refused);
                if (refused == 0)
                    break;
                refusals++;
            }
            else if (result.Errno is not (ECONNABORTED or EPROTO or EPERM))
            {
                break;   // EAGAIN: no connection is pending. The others concern one connection that was given up before its turn.
            }
        }

        descriptor = -1;
        peer = default;
        return false;
    }

    /// <summary>
    /// Whether an accepted connection is served: its peer has an address and is among those that are served, and it leaves the last descriptors to others. Else it is closed
    /// before a byte of it is read, and counted: an access check or the reply cache would take a peer without address for another. Of a proxy the client is not known yet.
    /// </summary>
    public bool Takes(int descriptor, PeerAddress peer)
    {
        bool isRefused = descriptor >= _end || peer.Peer.Address.IsEmpty;
        if (!isRefused && (options.Admits(peer.Peer) || ProxyStart.Of(peer.Peer, options) == ProxyStage.Header))
            return true;
        counters.Increment(isRefused ? Counter.Refused : Counter.Denied);   // before the client can see it
        close(descriptor);
        return false;
    }

    /// <summary>Closes the spare descriptor.</summary>
    public void Dispose() => _spare.Dispose();

    private static int DescriptorLimit()
    {
        getrlimit(RLIMIT_NOFILE, out rlimit limit).OrThrow("getrlimit");
        return (int)Math.Min(limit.rlim_cur, int.MaxValue);
    }
}
