using System.Runtime.InteropServices;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Transports;

/// <summary>
/// Connections of a worker that were answered while the server stops, and stay open until their peers have the replies: see
/// <see cref="TcpDrain"/>. They are waited for together, however many a worker serves one after the other.
/// </summary>
/// <param name="options">How long a stop waits for a peer.</param>
/// <param name="counters">Where it is counted that a connection was cut off.</param>
/// <param name="closed">Called for each that is closed.</param>
internal sealed class LeavingConnections(ServerOptions options, ServerCounters counters, Action closed)
{
    private const int LookAgainMilliseconds = 10;

    private readonly List<Leaving> _all = [];

    /// <summary>Adds a connection, which is closed once its peer has everything, or stops receiving.</summary>
    public void Add(int descriptor, EndpointKind kind)
    {
        CloseDelivered();
        _all.Add(new() { Descriptor = descriptor, Kind = kind, Outstanding = int.MaxValue });
    }

    /// <summary>Waits for all of them. A peer that acknowledges nothing for the time that a stop allows is cut off.</summary>
    public void AwaitAll()
    {
        while (CloseDelivered())
            poll([], LookAgainMilliseconds);
    }

    // Whether any is left.
    private bool CloseDelivered()
    {
        long now = Environment.TickCount64;
        for (int i = _all.Count - 1; i >= 0; i--)
        {
            ref Leaving leaving = ref CollectionsMarshal.AsSpan(_all)[i];
            int outstanding = TcpDrain.Advance(leaving.Descriptor, leaving.Kind);
            if (outstanding < leaving.Outstanding)
                (leaving.Outstanding, leaving.MovedAt) = (outstanding, now);
            bool isCutOff = now - leaving.MovedAt > (long)options.DrainStall.TotalMilliseconds;
            if (outstanding > 0 && !isCutOff)
                continue;
            if (isCutOff)
                counters.Increment(Counter.CutOff);
            close(leaving.Descriptor);
            closed();
            _all.RemoveAt(i);
        }

        return _all.Count > 0;
    }

    private struct Leaving
    {
        public int Descriptor;
        public EndpointKind Kind;
        public int Outstanding;   // bytes that were, at the last look at which there were fewer than before
        public long MovedAt;
    }
}
