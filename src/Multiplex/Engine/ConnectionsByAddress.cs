using System.Diagnostics;
using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Engine;

/// <summary>
/// How many connections each client has open, and how many calls it makes, over all threads and processes of the server. A client is an IPv4 address, the first 64 bits of an IPv6 address, which is what one
/// site has at least, or the user at the other end of a UNIX-domain socket.
/// </summary>
internal sealed class ConnectionsByAddress
{
    private const int Places = ushort.MaxValue;   // of clients that have connections, or have made calls within a second
    private const int Tried = 64;         // places where a client may be found: where they are all taken, it is not limited
    private const int Ipv6Prefix = 8;
    private const long Second = 1_000_000_000;
    private const long Millisecond = 1_000_000;
    private const int LeastWait = 10;     // milliseconds, after which some calls are answered together

    private readonly ServerOptions _options;
    private readonly SharedMemory _memory;
    private readonly int _process = Environment.ProcessId;

    /// <summary>Makes a table that is empty.</summary>
    /// <param name="options">Says how many connections a client may have, and how many processes there are.</param>
    public ConnectionsByAddress(ServerOptions options)
    {
        _options = options;
        int owners = options.MaxChildren + options.Workers;   // of processes that may be killed while they have a connection
        _memory = Mapped(Unsafe.SizeOf<Head>() + (Places * Unsafe.SizeOf<Place>()) + (owners * Unsafe.SizeOf<Owner>()));
        Locked.Initialize();
    }

    /// <summary>Counts one more connection of a client.</summary>
    /// <param name="peer">The client.</param>
    /// <param name="place">What <see cref="Leave"/> takes; 0 when the client is not limited.</param>
    /// <returns>False, and nothing is counted: it has as many as it may.</returns>
    public bool TryEnter(in Peer peer, out ushort place)
    {
        ulong key = KeyOf(peer);
        Locked.Lock();
        place = (ushort)Find(key, Stopwatch.GetTimestamp());
        int most = _options.MaxConnectionsPerAddress;
        bool enters = place == 0 || most == 0 || At(place).Connections < most;
        if (enters && place != 0)
        {
            At(place).Connections++;
            At(place).Key = key;
            if (getpid() != _process)
                Note(getpid(), place);
        }

        Locked.Unlock();
        place = enters ? place : (ushort)0;
        return enters;
    }

    /// <summary>A connection has ended.</summary>
    /// <param name="place">Its client's; then 0.</param>
    public void Leave(ref ushort place)
    {
        if (place == 0)
            return;
        Locked.Lock();
        Release(getpid(), place);
        Locked.Unlock();
        place = 0;
    }

    /// <summary>How many calls a client may make now. In a second it may make <see cref="ServerOptions.MaxCallsPerSecond"/>, at once or one after another.</summary>
    /// <param name="place">The client's; 0: it is not limited.</param>
    /// <param name="now">Nanoseconds of <see cref="Stopwatch.GetTimestamp"/>, which all processes share.</param>
    /// <param name="wait">Receives for how many milliseconds it may make none; 0: it may make some.</param>
    public int CallsAllowed(ushort place, long now, out ushort wait)
    {
        int most = _options.MaxCallsPerSecond;
        wait = 0;
        if (place == 0 || most == 0)
            return int.MaxValue;
        long left = Second - Math.Max(0, Volatile.Read(ref At(place).PaidUntil) - now), each = Second / most;
        if (left >= each)
            return (int)(left / each);
        wait = (ushort)Math.Clamp((each - left + Millisecond - 1) / Millisecond, LeastWait, Second / Millisecond);
        return 0;
    }

    /// <summary>A client has made calls. Threads that answer its calls at the same time may allow it more than it may make; it waits longer then.</summary>
    public void Charge(ushort place, long now, int calls)
    {
        int most = _options.MaxCallsPerSecond;
        if (place == 0 || most == 0 || calls == 0)
            return;
        ref long until = ref At(place).PaidUntil;
        for (long before = Volatile.Read(ref until), seen; ; before = seen)
        {
            seen = Interlocked.CompareExchange(ref until, Math.Max(before, now) + (calls * (Second / most)), before);
            if (seen == before)
                return;
        }
    }

    /// <summary>Charges one call to a client that has no connection: a datagram.</summary>
    /// <returns>False: it has made as many as it may.</returns>
    public bool TryCall(in Peer peer, long now)
    {
        if (_options.MaxCallsPerSecond == 0)
            return true;
        ulong key = KeyOf(peer);
        Locked.Lock();
        ushort place = (ushort)Find(key, now);
        bool may = CallsAllowed(place, now, out _) > 0;
        if (may && place != 0)
        {
            At(place).Key = key;
            Charge(place, now, 1);
        }

        Locked.Unlock();
        return may;
    }

    /// <summary>A process has ended: it may have been killed while it had a connection.</summary>
    public void Forget(int process)
    {
        Locked.Lock();
        foreach (ref Owner owner in Owned)
        {
            if (owner.Process == process)
                Release(process, owner.Place);
        }

        Locked.Unlock();
    }

    // For as long as the server lives, of which threads may outlast its end: it is freed by its finalizer.
    private static SharedMemory Mapped(int length) => new(length);

    private ref SharedMutex Locked => ref MemoryMarshal.AsRef<Head>(_memory.Bytes).Lock;

    private Span<Owner> Owned => MemoryMarshal.Cast<byte, Owner>(_memory.Bytes[(Unsafe.SizeOf<Head>() + (Places * Unsafe.SizeOf<Place>()))..]);

    // Counted from 1.
    private ref Place At(int place) => ref MemoryMarshal.Cast<byte, Place>(_memory.Bytes.Slice(Unsafe.SizeOf<Head>(), Places * Unsafe.SizeOf<Place>()))[place - 1];

    // The place of the client, or else one that is free; 0 without one. A client keeps its place without a connection until its calls are paid.
    private int Find(ulong key, long now)
    {
        int free = 0;
        for (int i = 0; i < Tried; i++)
        {
            int place = (int)((key + (ulong)i) % Places) + 1;
            if (At(place).Key == key)
                return place;
            if (free == 0 && At(place).Connections == 0 && At(place).PaidUntil <= now)
                free = place;
        }

        return free;
    }

    private void Note(int process, int place)
    {
        foreach (ref Owner owner in Owned)
        {
            if (owner.Place != 0)
                continue;
            owner = new() { Process = process, Place = place };
            return;
        }
    }

    private void Release(int process, int place)
    {
        At(place).Connections--;
        if (process == _process)
            return;
        foreach (ref Owner owner in Owned)
        {
            if (owner.Process != process || owner.Place != place)
                continue;
            owner = default;
            return;
        }
    }

    private static ulong KeyOf(in Peer peer)
    {
        if (!peer.Kind.IsInternet())
            return XxHash3.HashToUInt64(MemoryMarshal.AsBytes<uint>([peer.Unix?.UserId ?? uint.MaxValue]));
        ReadOnlySpan<byte> host = peer.Host;
        bool isMapped = host.Length > 4 && host.StartsWith((ReadOnlySpan<byte>)[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]);   // IPv4 through an IPv6 socket
        return XxHash3.HashToUInt64(isMapped ? host[12..16] : host.Length > 4 ? host[..Ipv6Prefix] : host);
    }

    [StructLayout(LayoutKind.Explicit, Size = 64)]
    private struct Head
    {
        [FieldOffset(0)]
        public SharedMutex Lock;
    }

    private struct Place
    {
        public ulong Key;
        public long Connections;
        public long PaidUntil;   // nanoseconds: when the rate allows as many calls as the client has made. It may be a second ahead
    }

    private struct Owner
    {
        public int Process;
        public int Place;
    }
}
