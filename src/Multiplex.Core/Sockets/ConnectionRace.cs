using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets;

/// <summary>
/// Connects to a server that may have several addresses, as RFC 8305 ("happy eyeballs") says: in order, each with a head start before the next
/// one is tried beside it. So an address that never answers costs a quarter of a second. It waits for nothing itself: its user
/// waits for the attempts, and has it step.
/// </summary>
/// <param name="endpoint">What they are the addresses of.</param>
/// <param name="addresses">Raw socket addresses, in the order to try them.</param>
/// <param name="timeout">The time for all addresses together; null leaves it to the kernel.</param>
/// <param name="usesReservedPort">Whether the sockets are bound to reserved ports, see <see cref="ReservedPort"/>.</param>
internal sealed class ConnectionRace(Endpoint endpoint, IReadOnlyList<byte[]> addresses, TimeSpan? timeout, bool usesReservedPort = false)
{
    private const int HeadStart = 250;   // milliseconds: RFC 8305 section 8, Connection Attempt Delay
    private const int Pause = 10;        // milliseconds before a UNIX-domain server whose queue is full is tried again

    private readonly pollfd[] _attempts = [.. addresses.Select(_ => new pollfd { fd = -1, events = POLLOUT })];
    private readonly long _end = timeout is { } limit && limit >= TimeSpan.Zero ? Now + (long)Math.Ceiling(limit.TotalMilliseconds) : long.MaxValue;
    private long _nextBegins = Now;
    private int _begun;
    private int _open;
    private int _winner = -1;
    private SyscallResult _outcome = SyscallResult.Failed(EADDRNOTAVAIL);   // until an address has refused

    /// <summary>When to step at the latest, in milliseconds of <see cref="Environment.TickCount64"/>.</summary>
    public long Due => Math.Min(_end, _begun < addresses.Count ? _nextBegins : long.MaxValue);

    /// <summary>The attempts: sockets that will be writable when it is time to step, and -1 for those that have ended.</summary>
    public Span<pollfd> Attempts => _attempts;

    private static long Now => Environment.TickCount64;

    /// <summary>Blocks until an address has answered, all have refused, or the time is up.</summary>
    /// <param name="index">Receives which address has answered; -1 when none has.</param>
    /// <returns>As <see cref="End"/>.</returns>
    public SyscallResult Run(out int index)
    {
        while (!Step())
            poll(_attempts, (int)Math.Clamp(Due - Now, 0, int.MaxValue));   // an interrupted wait is one more look
        return End(out index);
    }

    /// <summary>Finds out what has become of the attempts, and begins those that are due.</summary>
    /// <returns>Whether it is over.</returns>
    public bool Step()
    {
        for (int i = 0; i < _begun && _winner < 0; i++)
        {
            if (_attempts[i].fd >= 0)
                Decide(i, Connector.Finish(endpoint, _attempts[i].fd));
        }

        while (_winner < 0 && _begun < addresses.Count && (_open == 0 || Now >= _nextBegins))
        {
            SyscallResult result = Connector.Begin(endpoint, addresses[_begun], usesReservedPort, out _attempts[_begun].fd);
            if (result.Is(EAGAIN) && !endpoint.Kind.IsInternet() && Now < _end)
            {
                Close(_begun);
                _nextBegins = Now + Pause;   // a full queue of connections: unix(7)
                return false;
            }

            _open++;
            _nextBegins = Now + HeadStart;
            Decide(_begun++, result);
        }

        if (_winner >= 0 || (_begun == addresses.Count && _open == 0))
            return true;
        if (Now < _end)
            return false;
        _outcome = SyscallResult.Failed(ETIMEDOUT);
        return true;
    }

    /// <summary>Closes the sockets of all attempts but the one that has been answered.</summary>
    /// <param name="index">Receives which address has answered; -1 when none has.</param>
    /// <returns>
    /// A non-blocking socket that is connected; or the errno of the address that failed last, ETIMEDOUT when the time was up, EADDRNOTAVAIL when none
    /// has failed yet.
    /// </returns>
    public SyscallResult End(out int index)
    {
        index = _winner;
        for (int i = 0; i < _attempts.Length; i++)
        {
            if (i != _winner)
                Close(i);
        }

        return _winner >= 0 ? SyscallResult.Of(_attempts[_winner].fd) : _outcome;
    }

    private void Decide(int attempt, SyscallResult result)
    {
        if (result.Is(EINPROGRESS))
            return;
        _open--;
        if (!result.IsError)
        {
            _winner = attempt;
            return;
        }

        _outcome = result;
        Close(attempt);
    }

    private void Close(int attempt)
    {
        if (_attempts[attempt].fd >= 0)
            close(_attempts[attempt].fd);
        _attempts[attempt].fd = -1;
    }
}
