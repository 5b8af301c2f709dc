using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Multiplex.Nfs.Protocol;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Nfs.Server;

/// <summary>
/// What clients have mounted, for DUMP, as they report it. A client that disappears without UMNT stays in the list, so it is bounded, and a new entry replaces the oldest.
/// All threads and processes of a server share the list.
/// </summary>
internal sealed class MountList : IDisposable
{
    private const int PathOffset = 2 + HostLength + 2, HostLength = 60, EntryLength = PathOffset + MountConstants.Mntpathlen;   // each with its length before it

    private readonly int _capacity;
    private readonly ServerCounters? _counters;
    private readonly Counter _forgotten = Counter.NfsMountsForgotten;
    private readonly SharedMemory _memory;

    /// <summary>Makes an empty list.</summary>
    /// <param name="capacity">How many entries there may be, one or more.</param>
    /// <param name="counters">Counts entries that were removed to make room.</param>
    public MountList(int capacity, ServerCounters? counters = null)
    {
        _capacity = capacity;
        _counters = counters;
        _memory = new(HeadLength + (capacity * EntryLength));
        Head.Mutex.Initialize();
    }

    private static int HeadLength => Marshal.SizeOf<ListHead>();

    private ref ListHead Head => ref MemoryMarshal.AsRef<ListHead>(_memory.Bytes);

    /// <summary>Records that a client has mounted a path.</summary>
    public void Add(in Peer peer, ReadOnlySpan<byte> path)
    {
        Span<byte> host = stackalloc byte[HostLength];
        host = host[..HostOf(peer, host)];
        Head.Mutex.Lock();
        try
        {
            if (Find(host, path) >= 0)
                return;
            if (Head.Count == _capacity)
            {
                RemoveAt(0);
                _counters?.Increment(_forgotten);
            }

            Span<byte> entry = Entry(Head.Count);
            BinaryPrimitives.WriteUInt16LittleEndian(entry, (ushort)host.Length);
            host.CopyTo(entry[2..]);
            BinaryPrimitives.WriteUInt16LittleEndian(entry[(PathOffset - 2)..], (ushort)path.Length);
            path.CopyTo(entry[PathOffset..]);
            Head.Count++;
        }
        finally
        {
            Head.Mutex.Unlock();
        }
    }

    /// <summary>Records that a client has unmounted a path.</summary>
    public void Remove(in Peer peer, ReadOnlySpan<byte> path)
    {
        Span<byte> host = stackalloc byte[HostLength];
        host = host[..HostOf(peer, host)];
        Head.Mutex.Lock();
        try
        {
            if (Find(host, path) is >= 0 and int place)
                RemoveAt(place);
        }
        finally
        {
            Head.Mutex.Unlock();
        }
    }

    /// <summary>Records that a client has unmounted everything.</summary>
    public void RemoveAll(in Peer peer)
    {
        Span<byte> host = stackalloc byte[HostLength];
        host = host[..HostOf(peer, host)];
        Head.Mutex.Lock();
        try
        {
            for (int place = Head.Count - 1; place >= 0; place--)
            {
                if (HostAt(place).SequenceEqual(host))
                    RemoveAt(place);
            }
        }
        finally
        {
            Head.Mutex.Unlock();
        }
    }

    /// <summary>Writes mountlist.</summary>
    public void Write(XdrWriter results)
    {
        Head.Mutex.Lock();
        try
        {
            for (int place = 0; place < Head.Count; place++)
            {
                results.WriteBool(true);
                results.WriteOpaque(HostAt(place));
                results.WriteOpaque(PathAt(place));
            }
        }
        finally
        {
            Head.Mutex.Unlock();
        }

        results.WriteBool(false);
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _memory.Dispose();

    // Only the address: a client's ports differ from call to call.
    private static int HostOf(in Peer peer, Span<byte> text)
    {
        ReadOnlySpan<byte> address = peer.Host;
        if (!address.IsEmpty && new System.Net.IPAddress(address[..Math.Min(address.Length, 16)]).TryFormat(text, out int length))
            return length;
        "local"u8.CopyTo(text);
        return "local"u8.Length;
    }

    private int Find(ReadOnlySpan<byte> host, ReadOnlySpan<byte> path)
    {
        for (int place = 0; place < Head.Count; place++)
        {
            if (HostAt(place).SequenceEqual(host) && PathAt(place).SequenceEqual(path))
                return place;
        }

        return -1;
    }

    private void RemoveAt(int place)
    {
        Span<byte> entries = _memory.Bytes.Slice(HeadLength, Head.Count * EntryLength);
        entries[((place + 1) * EntryLength)..].CopyTo(entries[(place * EntryLength)..]);
        Head.Count--;
    }

    private ReadOnlySpan<byte> HostAt(int place) => Entry(place).Slice(2, BinaryPrimitives.ReadUInt16LittleEndian(Entry(place)));

    private ReadOnlySpan<byte> PathAt(int place) =>
        Entry(place).Slice(PathOffset, BinaryPrimitives.ReadUInt16LittleEndian(Entry(place)[(PathOffset - 2)..]));

    private Span<byte> Entry(int place) => _memory.Bytes.Slice(HeadLength + (place * EntryLength), EntryLength);

    private struct ListHead
    {
        public SharedMutex Mutex;
        public int Count;
    }
}
