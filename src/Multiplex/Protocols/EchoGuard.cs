using System.IO.Hashing;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Protocols;

/// <summary>
/// Decides which UDP datagrams are echoed, by <see cref="EchoOptions"/>. What it remembers is in memory that all threads and processes of
/// a server share, so that the limit is the same in every model: two tables of a fixed size, indexed by hashes, with a word for each
/// datagram and for each source.
/// </summary>
/// <remarks>No lock: a word is read and written whole, and a race lets at most a few datagrams more pass.</remarks>
internal sealed class EchoGuard : IDisposable
{
    private const int Datagrams = 1 << 16, Sources = 1 << 12;
    private const int RememberedSeconds = 10;
    private const long Window = 50_000_000;   // microseconds for which a source may be ahead of its rate

    // Registered when the guard is made: readers of the counters learn the names once, before the first datagram.
    private readonly Counter _limited = Counter.EchoesLimited, _refused = Counter.EchoesRefused;

    private readonly EchoOptions _options;
    private readonly SharedMemory _memory = new((Datagrams + Sources) * sizeof(long));
    private readonly long _seed = Random.Shared.NextInt64();   // no sender can prepare a collision
    private readonly long _interval;   // microseconds between two of a source

    /// <summary>Makes the tables. In a server that forks, before the first fork.</summary>
    /// <param name="options">The bounds.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rate is out of its range.</exception>
    /// <exception cref="Interop.SyscallException">The memory was refused.</exception>
    public EchoGuard(EchoOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(options.RepeatsPerSecond is >= 0 and <= 1_000_000, true, nameof(options.RepeatsPerSecond));
        _options = options;
        _interval = options.RepeatsPerSecond == 0 ? 0 : 1_000_000 / options.RepeatsPerSecond;
    }

    /// <summary>Where datagrams that are not answered are counted.</summary>
    public ServerCounters Counters { get; set; } = null!;

    /// <summary>Gives the memory back.</summary>
    public void Dispose() => _memory.Dispose();

    /// <summary>Whether a datagram is to be answered; it is counted if not.</summary>
    /// <param name="message">Its bytes.</param>
    /// <param name="peer">Its source.</param>
    public bool Allows(ReadOnlySpan<byte> message, in Peer peer)
    {
        if (_interval > 0)
        {
            ulong source = XxHash3.HashToUInt64(peer.Address, _seed);
            long now = Environment.TickCount64;
            if (IsRepeat(XxHash3.HashToUInt64(message, (long)source), now) && !IsWithinRate(source, now))
            {
                Counters.Increment(_limited);
                return false;
            }
        }

        if (_options.AnySource || !IsLikelyServer(peer))
            return true;
        Counters.Increment(_refused);
        return false;
    }

    private bool IsLikelyServer(in Peer peer) =>
        peer.Port < IPPORT_RESERVED || (IsOwnPort(peer.Port) && ThisMachine.Has(peer.Address));

    private bool IsOwnPort(int port)
    {
        for (int i = 0; i < _options.OwnPorts.Count; i++)
        {
            if (_options.OwnPorts[i] == port)
                return true;
        }

        return false;
    }

    // A datagram's word: 48 bits of its hash, and the 16 lowest bits of the second in which it came last. Another takes its place only in a
    // later second: of two that both go round and have one place, each is found again in some second, and so both come to an end.
    private bool IsRepeat(ulong hash, long now)
    {
        ushort second = (ushort)(now / 1000);
        ref long word = ref _memory.Word((int)(hash % Datagrams) * sizeof(long));
        long last = Volatile.Read(in word), tag = (long)(hash & ~0xFFFFUL);
        int age = (ushort)(second - (ushort)last);
        if (last == 0 || age > 0)
            Volatile.Write(ref word, tag | second);
        return (last & ~0xFFFFL) == tag && age <= RememberedSeconds;
    }

    // A source's word: when its last repeat would have come at exactly the rate, in microseconds: the leaky bucket of ATM's GCRA. Sources that have
    // one word have one rate together.
    private bool IsWithinRate(ulong hash, long nowInMilliseconds)
    {
        long now = nowInMilliseconds * 1000;
        ref long word = ref _memory.Word((Datagrams + (int)(hash % Sources)) * sizeof(long));
        while (true)
        {
            long last = Volatile.Read(in word), next = Math.Max(last, now) + _interval;
            if (next - now > Window)
                return false;
            if (Interlocked.CompareExchange(ref word, next, last) == last)
                return true;
        }
    }
}
