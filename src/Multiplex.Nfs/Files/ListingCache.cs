using System.Runtime.InteropServices;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Files;

/// <summary>
/// Entries of directories in the form of READDIRPLUS replies, so that the same part of a directory is not read from the file system again: its names and handles are valid as
/// long as the directory's ctime is the same, its attributes for as long as the export allows. The least recently used entries are evicted.
/// </summary>
/// <param name="capacity">How many bytes it may take; 0: nothing is cached.</param>
/// <param name="counters">Counts replies from the cache, and evictions.</param>
internal sealed class ListingCache(long capacity, ServerCounters? counters = null)
{
    private readonly Dictionary<(uint Export, ulong Directory, ulong Cookie), LinkedListNode<ListingPage>> _pages = [];
    private readonly LinkedList<ListingPage> _byUse = new();
    private readonly Lock _lock = new();
    private readonly Counter _hits = Counter.NfsListingsReused, _evicted = Counter.NfsListingsEvicted;
    private long _bytes;

    /// <summary>Whether entries are cached at all.</summary>
    public bool IsEnabled => capacity > 0;

    /// <summary>The entries of a directory from a cookie on; null if they are not cached, or the directory has changed.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="status">Its attributes now.</param>
    /// <param name="cookie">Where the entries begin.</param>
    public ListingPage? Find(CachedFile directory, in statx_t status, ulong cookie)
    {
        if (!IsEnabled)
            return null;
        lock (_lock)
        {
            if (!_pages.TryGetValue((directory.Export.Id, directory.Inode, cookie), out LinkedListNode<ListingPage>? node))
                return null;
            if (!node.Value.IsOf(directory.Handle, status.stx_ctime))
            {
                Remove(node);
                return null;
            }

            _byUse.Remove(node);
            _byUse.AddLast(node);
            counters?.Increment(_hits);
            return node.Value;
        }
    }

    /// <summary>Adds entries.</summary>
    public void Add(ListingPage page)
    {
        if (page.Size > capacity)
            return;
        lock (_lock)
        {
            if (_pages.TryGetValue(page.Key, out LinkedListNode<ListingPage>? before))
                Remove(before);
            while (_bytes + page.Size > capacity)
            {
                Remove(_byUse.First!);
                counters?.Increment(_evicted);
            }

            _pages.Add(page.Key, _byUse.AddLast(page));
            _bytes += page.Size;
        }
    }

    /// <summary>Removes entries that turned out to be out of date.</summary>
    public void Forget(ListingPage page)
    {
        lock (_lock)
        {
            if (_pages.TryGetValue(page.Key, out LinkedListNode<ListingPage>? node) && node.Value == page)
                Remove(node);
        }
    }

    private void Remove(LinkedListNode<ListingPage> node)
    {
        _pages.Remove(node.Value.Key);
        _byUse.Remove(node);
        _bytes -= node.Value.Size;
    }
}

/// <summary>Successive entries of a directory. A call that uses or refreshes them holds its lock.</summary>
internal sealed class ListingPage
{
    private const int Overhead = 512;   // of the objects, approximately

    private readonly byte[] _directory;
    private readonly statx_timestamp _changed;

    /// <summary>Copies a part of a reply.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="status">Its attributes before it was read.</param>
    /// <param name="cookie">Where the entries begin.</param>
    /// <param name="bytes">The entries as they are in the reply.</param>
    /// <param name="entries">The end of each.</param>
    /// <param name="next">The cookie of the entry after them.</param>
    /// <param name="isLast">Whether the directory ends with them.</param>
    public ListingPage(CachedFile directory, in statx_t status, ulong cookie, ReadOnlySpan<byte> bytes, ReadOnlySpan<ListedEntry> entries, ulong next, bool isLast)
    {
        _directory = directory.Handle.ToArray();
        _changed = status.stx_ctime;
        Key = (directory.Export.Id, directory.Inode, cookie);
        Bytes = bytes.ToArray();
        Entries = entries.ToArray();
        (Next, IsLast) = (next, isLast);
    }

    /// <summary>Its key in the cache.</summary>
    public (uint Export, ulong Directory, ulong Cookie) Key { get; }

    /// <summary>The entries as they are in replies.</summary>
    public byte[] Bytes { get; }

    /// <summary>The end of each in <see cref="Bytes"/>, and the age of its attributes.</summary>
    public ListedEntry[] Entries { get; }

    /// <summary>Whether the directory ends with them.</summary>
    public bool IsLast { get; }

    /// <summary>The cookie of the entry after them.</summary>
    public ulong Next { get; }

    /// <summary>How many bytes of memory it takes, approximately.</summary>
    public int Size => Overhead + Bytes.Length + (Entries.Length * Marshal.SizeOf<ListedEntry>());

    /// <summary>Whether it is of this directory, and the directory is unchanged.</summary>
    public bool IsOf(ReadOnlySpan<byte> directory, in statx_timestamp changed) =>
        (changed.tv_sec, changed.tv_nsec) == (_changed.tv_sec, _changed.tv_nsec) && directory.SequenceEqual(_directory);
}

/// <summary>An entry of a <see cref="ListingPage"/>.</summary>
/// <param name="End">Its end in the page.</param>
/// <param name="Asked">When its attributes were read from the file system, in milliseconds of <see cref="Environment.TickCount64"/>.</param>
internal readonly record struct ListedEntry(int End, long Asked);
