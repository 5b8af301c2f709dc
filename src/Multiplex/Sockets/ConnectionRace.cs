using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets;

/// <summary>
/// Connects to a host that has several addresses, as RFC 8305 ("happy eyeballs") says: in order, each with a head start before the next
/// one is tried beside it. So an address that swallows what is sent to it costs a quarter of a second.
/// </summary>
internal sealed class ConnectionRace(Endpoint endpoint, IReadOnlyList<byte[]> addresses)
{
    private const int HeadStart = 250;   // milliseconds: RFC 8305 section 8, Connection Attempt Delay

    private readonly pollfd[] _attempts = [.. addresses.Select(_ => new pollfd { fd = -1, events = POLLOUT })];
    private int _begun;
    private int _open;
    private int _winner = -1;
    private SyscallResult _outcome;

    private static long Now => Environment.TickCount64;

    /// <summary>Blocks until an address has answered, all have refused, or the time is up.</summary>
    /// <param name="timeout">The time for all addresses together; null leaves it to the kernel.</param>
    /// <param name="index">Receives which address has answered; -1 when none has.</param>
    /// <returns>A non-blocking socket that is connected; or the errno of the address that failed last, ETIMEDOUT when the time was up.</returns>
    public SyscallResult Run(TimeSpan? timeout, out int index)
    {
        long end = timeout is { } limit && limit >= TimeSpan.Zero ? Now + (long)Math.Ceiling(limit.TotalMilliseconds) : long.MaxValue;
        long nextBegins = Now;
        while (_winner < 0 && (_begun < addresses.Count || _open > 0))
        {
            if (_begun < addresses.Count && (_open == 0 || Now >= nextBegins))
            {
                Begin();
                nextBegins = Now + HeadStart;
                continue;
            }

            long left = Math.Min(end, _begun < addresses.Count ? nextBegins : long.MaxValue) - Now;
            if (Now >= end)
            {
                _outcome = SyscallResult.Failed(ETIMEDOUT);
                break;
            }

            poll(_attempts, (int)Math.Clamp(left, 0, int.MaxValue));   // an interrupted wait is one more look
            for (int i = 0; i < _begun && _winner < 0; i++)
            {
                if (_attempts[i].fd >= 0)
                    Settle(i, Connector.Finish(endpoint, _attempts[i].fd));
            }
        }

        for (int i = 0; i < _begun; i++)
            CloseUnless(i, _winner);
        index = _winner;
        return _winner >= 0 ? SyscallResult.Of(_attempts[_winner].fd) : _outcome;
    }

    private void Begin()
    {
        SyscallResult result = Connector.Begin(endpoint, addresses[_begun], out int descriptor);
        _attempts[_begun].fd = descriptor;
        _open++;
        Settle(_begun++, result);
    }

    private void Settle(int attempt, SyscallResult result)
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
        CloseUnless(attempt, _winner);
    }

    private void CloseUnless(int attempt, int winner)
    {
        if (attempt == winner || _attempts[attempt].fd < 0)
            return;
        close(_attempts[attempt].fd);
        _attempts[attempt].fd = -1;
    }
}
