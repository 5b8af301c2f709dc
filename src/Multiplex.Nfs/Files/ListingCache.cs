using System.Runtime.InteropServices;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Files;

/// <summary>
/// Entries of directories as READDIRPLUS replies have them, so that the same part of a directory is not asked of the file system again: its names and handles for as
/// long as the directory's ctime is the same, its attributes for as long as the export allows. The least recently used make room.
/// </summary>
/// <param name="capacity">How many bytes it may take; 0: none are kept.</param>
/// <param name="counters">Where replies and what made room are counted.</param>
internal sealed class ListingCache(long capacity, ServerCounters? counters = null)
{
    private readonly Dictionary<(uint Export, ulong Directory, ulong Cookie), LinkedListNode<ListingPage>> _pages = [];
    private readonly LinkedList<ListingPage> _byUse = new();
    private readonly Lock _lock = new();
    private readonly Counter _hits = Counter.NfsListingsReused, _evicted = Counter.NfsListingsEvicted;
    private long _bytes;

    /// <summary>Whether any are kept.</summary>
    public bool IsEnabled => capacity > 0;

    /// <summary>The entries of a directory from a cookie on; null where they are not kept, or the directory has changed.</summary>
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

    /// <summary>Keeps entries.</summary>
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

    /// <summary>Forgets entries that turned out to be out of date.</summary>
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

/// <summary>Entries that follow each other in a directory. Its lock is held by a call that uses or refreshes them.</summary>
internal sealed class ListingPage
{
    private const int Overhead = 512;   // of the objects, about

    private readonly byte[] _directory;
    private readonly statx_timestamp _changed;

    /// <summary>Keeps a part of a reply.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="status">Its attributes before it was read.</param>
    /// <param name="cookie">Where the entries begin.</param>
    /// <param name="bytes">The entries as they are in the reply.</param>
    /// <param name="entries">Where each ends.</param>
    /// <param name="next">The cookie of what comes after them.</param>
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

    /// <summary>What it is found by.</summary>
    public (uint Export, ulong Directory, ulong Cookie) Key { get; }

    /// <summary>The entries as they are in replies.</summary>
    public byte[] Bytes { get; }

    /// <summary>Where each ends in <see cref="Bytes"/>, and how old its attributes are.</summary>
    public ListedEntry[] Entries { get; }

    /// <summary>Whether the directory ends with them.</summary>
    public bool IsLast { get; }

    /// <summary>The cookie of what comes after them.</summary>
    public ulong Next { get; }

    /// <summary>How many bytes of memory it takes, about.</summary>
    public int Size => Overhead + Bytes.Length + (Entries.Length * Marshal.SizeOf<ListedEntry>());

    /// <summary>Whether it is of this directory, and the directory has not changed.</summary>
    public bool IsOf(ReadOnlySpan<byte> directory, in statx_timestamp changed) =>
        (changed.tv_sec, changed.tv_nsec) == (_changed.tv_sec, _changed.tv_nsec) && directory.SequenceEqual(_directory);
}

/// <summary>An entry of a <see cref="ListingPage"/>.</summary>
/// <param name="End">Where it ends in the page.</param>
/// <param name="Asked">When the file system was asked for its attributes, in milliseconds of <see cref="Environment.TickCount64"/>.</param>
internal readonly record struct ListedEntry(int End, long Asked);
