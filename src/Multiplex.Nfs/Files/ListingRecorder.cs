using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Files;

/// <summary>Copies the entries of a reply that is being written to pages of the cache. A thread uses one at a time.</summary>
internal ref struct ListingRecorder
{
    // One page is a whole reply to most clients, and small enough to stay out of the large object heap.
    private const int MostBytes = 32 * 1024;

    [ThreadStatic]
    private static List<ListedEntry>? t_entries;

    private readonly ListingCache _listings;
    private readonly CachedFile _directory;
    private readonly statx_t _status;
    private readonly List<ListedEntry> _entries;
    private ulong _cookie, _next;
    private int _start;
    private bool _isOn;

    /// <summary>Begins a reply, if the directory's entries may be cached.</summary>
    /// <param name="listings">The cache.</param>
    /// <param name="directory">The directory.</param>
    /// <param name="status">Its attributes before it is read.</param>
    /// <param name="cookie">The position of the first entry in it.</param>
    /// <param name="reply">The reply: the first entry is written next.</param>
    public ListingRecorder(ListingCache listings, CachedFile directory, in statx_t status, ulong cookie, OutputBuffer reply)
    {
        (_listings, _directory, _status, _cookie, _start) = (listings, directory, status, cookie, reply.Length);
        _entries = t_entries ??= [];
        _entries.Clear();
        _isOn = listings.IsEnabled && directory.Export.KeepsEntries(status);
    }

    /// <summary>Records an entry that was written.</summary>
    /// <param name="reply">The reply.</param>
    /// <param name="next">The cookie of the entry after it.</param>
    /// <param name="asked">See <see cref="ListedEntry.Asked"/>.</param>
    public void Add(OutputBuffer reply, ulong next, long asked)
    {
        if (!_isOn)
            return;
        _entries.Add(new(reply.Length - _start, asked));
        _next = next;
        if (reply.Length - _start < MostBytes)
            return;
        Keep(reply, isLast: false);
        _entries.Clear();
        (_cookie, _start) = (next, reply.Length);
    }

    /// <summary>Stops recording: what follows may not be cached.</summary>
    public void Stop(OutputBuffer reply)
    {
        Keep(reply, isLast: false);
        _isOn = false;
    }

    /// <summary>Ends the reply after its last entry.</summary>
    /// <param name="reply">The reply.</param>
    /// <param name="isLast">Whether it is also the last of the directory.</param>
    public readonly void Keep(OutputBuffer reply, bool isLast)
    {
        if (!_isOn || _entries.Count == 0)
            return;
        ReadOnlySpan<byte> bytes = reply.Written.Slice(_start, _entries[^1].End);
        _listings.Add(new(_directory, _status, _cookie, bytes, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_entries), _next, isLast));
    }
}
