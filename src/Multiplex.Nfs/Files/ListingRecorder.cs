using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Files;

/// <summary>Keeps the entries of a reply that is being written, in pages. A thread has one at a time.</summary>
internal ref struct ListingRecorder
{
    // One page is a whole reply to most clients, and small enough for the garbage collector's usual heap.
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

    /// <summary>Begins, if the directory's entries may be kept.</summary>
    /// <param name="listings">Where they are kept.</param>
    /// <param name="directory">The directory.</param>
    /// <param name="status">Its attributes before it is read.</param>
    /// <param name="cookie">Where the first entry begins in it.</param>
    /// <param name="reply">The reply: the first entry comes next.</param>
    public ListingRecorder(ListingCache listings, CachedFile directory, in statx_t status, ulong cookie, OutputBuffer reply)
    {
        (_listings, _directory, _status, _cookie, _start) = (listings, directory, status, cookie, reply.Length);
        _entries = t_entries ??= [];
        _entries.Clear();
        _isOn = listings.IsEnabled && directory.Export.KeepsEntries(status);
    }

    /// <summary>An entry was written.</summary>
    /// <param name="reply">The reply.</param>
    /// <param name="next">The cookie of what comes after it.</param>
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

    /// <summary>What comes from here on may not be kept, but read anew each time.</summary>
    public void Stop(OutputBuffer reply)
    {
        Keep(reply, isLast: false);
        _isOn = false;
    }

    /// <summary>The last entry of the reply was written.</summary>
    /// <param name="reply">The reply.</param>
    /// <param name="isLast">Whether it is the directory's last too.</param>
    public readonly void Keep(OutputBuffer reply, bool isLast)
    {
        if (!_isOn || _entries.Count == 0)
            return;
        ReadOnlySpan<byte> bytes = reply.Written.Slice(_start, _entries[^1].End);
        _listings.Add(new(_directory, _status, _cookie, bytes, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_entries), _next, isLast));
    }
}
