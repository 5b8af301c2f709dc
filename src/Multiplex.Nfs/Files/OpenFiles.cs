using System.Numerics;
using Multiplex.Nfs.Exports;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Files;

/// <summary>
/// The files of recent calls, held open, by their handles: a bounded number, in which files that are used again are kept. A descriptor
/// is the file itself, whatever its name is now, so an entry is never out of date.
/// </summary>
/// <remarks>
/// The disk space of an open file is not freed when its last name is removed, so a file that is removed here is closed at once, and a file that was
/// not used for some seconds is closed when other calls come. One instance serves all threads of a process; a forked child fills its own.
/// </remarks>
internal sealed class OpenFiles
{
    /// <summary>How long an unused file is held open while calls come, in milliseconds.</summary>
    private const long IdleTime = 10_000;

    private const int MostShards = 16;

    private readonly Shard[] _shards;
    private readonly ServerCounters? _counters;
    private readonly Counter _opened = Counter.NfsFilesOpened, _evicted = Counter.NfsFilesEvicted;

    /// <summary>Makes an empty one.</summary>
    /// <param name="capacity">The most files that are held open, besides those of calls in progress; one or more.</param>
    /// <param name="counters">Counts files that were opened, and files that were closed to make room.</param>
    public OpenFiles(int capacity, ServerCounters? counters = null)
    {
        _counters = counters;
        int shards = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(capacity / 16, 1, MostShards));
        _shards = [.. Enumerable.Range(0, shards).Select(i => new Shard((capacity / shards) + (i < capacity % shards ? 1 : 0)))];
    }

    /// <summary>The file of a handle, if it is held open; call <see cref="Release"/> after use.</summary>
    public CachedFile? Find(ReadOnlySpan<byte> handle)
    {
        Shard shard = ShardOf(FileHandle.InodeOf(handle));
        long now = Environment.TickCount64;
        CachedFile? idle, found;
        lock (shard)
        {
            found = shard.Find(handle);
            if (found is not null)
            {
                found.Users++;
                found.LastUsed = now;
            }

            idle = shard.TakeIdle(now - IdleTime);
        }

        idle?.Close();
        return found;
    }

    /// <summary>Adds a file that was opened by its handle, or returns the one that another thread has added meanwhile; call <see cref="Release"/> after use.</summary>
    /// <param name="handle">Its handle.</param>
    /// <param name="export">The export that it is in.</param>
    /// <param name="path">A descriptor of it, which the cache owns from now on.</param>
    /// <param name="write">A descriptor for writing, which the cache owns from now on; -1: none.</param>
    public CachedFile Add(ReadOnlySpan<byte> handle, ExportedDirectory export, int path, int write = -1)
    {
        CachedFile file = new(handle, export, path, write) { Users = 1, LastUsed = Environment.TickCount64 };
        Shard shard = ShardOf(file.Inode);
        CachedFile? other, evicted = null;
        lock (shard)
        {
            other = shard.Find(handle);
            if (other is not null)
                other.Users++;
            else
                shard.Add(file, out evicted);
        }

        _counters?.Increment(_opened);
        if (evicted is not null)
        {
            _counters?.Increment(_evicted);
            evicted.Close();
        }

        if (other is null)
            return file;
        other.TakeOver(file);
        return other;
    }

    /// <summary>Adds a user of a file that is in use; call <see cref="Release"/> after use.</summary>
    public void Hold(CachedFile file)
    {
        lock (ShardOf(file.Inode))
            file.Users++;
    }

    /// <summary>Ends a call's use of a file.</summary>
    public void Release(CachedFile file)
    {
        bool isLast;
        lock (ShardOf(file.Inode))
            isLast = --file.Users == 0 && !file.IsHeld;
        if (isLast)
            file.Close();
    }

    /// <summary>Closes the files of an inode, which has no name any more.</summary>
    public void Drop(ulong inode)
    {
        Shard shard = ShardOf(inode);
        while (true)
        {
            CachedFile? dropped;
            bool isUnused;
            lock (shard)
            {
                dropped = shard.Remove(inode);
                isUnused = dropped is { Users: 0 };
            }

            if (dropped is null)
                return;
            if (isUnused)
                dropped.Close();   // otherwise the last call that uses it closes it
        }
    }

    /// <summary>
    /// Closes the descriptor for writing of a file, if no other call uses the file: while it is open the file cannot be executed, ETXTBSY of execve(2).
    /// </summary>
    public void EndWriting(CachedFile file)
    {
        int write = file.TakeWrite();
        if (write < 0)
            return;
        bool isAlone;
        lock (ShardOf(file.Inode))
            isAlone = file.Users == 1;   // a call that begins from now on finds none
        if (isAlone)
            close(write);
        else
            file.GiveBackWrite(write);
    }

    private Shard ShardOf(ulong inode) => _shards[(int)(inode * 0x9E37_79B9_7F4A_7C15 >> 32) & (_shards.Length - 1)];

    // A table of files by inode, and the clock algorithm (second chance) for eviction.
    private sealed class Shard(int capacity)
    {
        private readonly CachedFile?[] _heads = new CachedFile?[BitOperations.RoundUpToPowerOf2((uint)Math.Max(capacity, 1))];
        private readonly CachedFile?[] _all = new CachedFile?[Math.Max(capacity, 1)];
        private int _hand;

        public CachedFile? Find(ReadOnlySpan<byte> handle)
        {
            for (CachedFile? file = Head(FileHandle.InodeOf(handle)); file is not null; file = file.Next)
            {
                if (!file.Handle.SequenceEqual(handle))
                    continue;
                file.WasUsed = true;
                return file;
            }

            return null;
        }

        // If all are in use, the new one is held only until its call ends.
        public void Add(CachedFile file, out CachedFile? evicted)
        {
            evicted = null;
            for (int looks = 0; looks < 2 * _all.Length; looks++)
            {
                int place = _hand;
                _hand = (_hand + 1) % _all.Length;
                CachedFile? there = _all[place];
                if (there is { Users: > 0 })
                    continue;
                if (there is { WasUsed: true })
                {
                    there.WasUsed = false;
                    continue;
                }

                if (there is not null)
                {
                    Unlink(there);
                    evicted = there;
                }

                ref CachedFile? head = ref Head(file.Inode);
                (file.Next, head, file.Place, file.IsHeld, _all[place]) = (head, file, place, true, file);
                return;
            }
        }

        // One file is checked at each call: all are checked in as many calls as there are files.
        public CachedFile? TakeIdle(long before)
        {
            _hand = (_hand + 1) % _all.Length;
            CachedFile? there = _all[_hand];
            if (there is null || there.Users > 0 || there.LastUsed > before)
                return null;
            Unlink(there);
            return there;
        }

        public CachedFile? Remove(ulong inode)
        {
            for (CachedFile? file = Head(inode); file is not null; file = file.Next)
            {
                if (file.Inode != inode)
                    continue;
                Unlink(file);
                return file;
            }

            return null;
        }

        private void Unlink(CachedFile file)
        {
            ref CachedFile? link = ref Head(file.Inode);
            while (link != file)
                link = ref link!.Next;
            link = file.Next;
            file.IsHeld = false;
            _all[file.Place] = null;
        }

        private ref CachedFile? Head(ulong inode) => ref _heads[(int)(inode * 0x9E37_79B9_7F4A_7C15 >> 40) & (_heads.Length - 1)];
    }
}

/// <summary>A file that is held open. The cache alone uses the fields about itself.</summary>
internal sealed class CachedFile(ReadOnlySpan<byte> handle, ExportedDirectory export, int path, int write)
{
    private readonly byte[] _handle = handle.ToArray();
    private int _read = -1, _write = write;
    private List<int>? _replaced;   // descriptors for writing that a call may still use
    private CachedFile? _next;
    private int _writesInProgress, _writesBegun;   // that the kernel completes later

    /// <summary>Its handle.</summary>
    public ReadOnlySpan<byte> Handle => _handle;

    /// <summary>The export that it is in.</summary>
    public ExportedDirectory Export { get; } = export;

    /// <summary>Its inode.</summary>
    public ulong Inode { get; } = FileHandle.InodeOf(handle);

    /// <summary>The descriptor from open(2) with O_PATH: for everything except reading and writing.</summary>
    public int Path { get; } = path;

    /// <summary>Held by a call that changes the file or the directory, so that the attributes before and after that it reports belong together.</summary>
    public Lock Changing { get; } = new();

    /// <summary>Held by a call that lists the directory: the descriptor has one position.</summary>
    public Lock Listing { get; } = new();

    /// <summary>When the directory was last found to be in its export, in milliseconds of <see cref="Environment.TickCount64"/>; 0: never.</summary>
    public long SeenInside { get; set; }

    internal ref CachedFile? Next => ref _next;

    internal int Users { get; set; }

    internal int Place { get; set; }

    internal bool IsHeld { get; set; }

    internal bool WasUsed { get; set; }

    internal long LastUsed { get; set; }

    /// <summary>
    /// Begins a write that the kernel completes later, without <see cref="Changing"/> being held: a call that changes the file meanwhile cannot report its attributes before.
    /// </summary>
    /// <returns>What to pass to the method that ends it.</returns>
    public AsyncWrite BeginWriting()
    {
        lock (Changing)
            return new(_writesInProgress++ == 0, ++_writesBegun);
    }

    /// <summary>Ends such a write.</summary>
    /// <returns>Whether no other such write was in progress since it began.</returns>
    public bool EndWriting(AsyncWrite write)
    {
        lock (Changing)
            return _writesInProgress-- == 1 && write.BeganAlone && write.Number == _writesBegun;
    }

    /// <summary>Whether such a write is in progress.</summary>
    public bool IsBeingWritten => Volatile.Read(ref _writesInProgress) > 0;

    /// <summary>A descriptor for reading a regular file or a directory. It is opened as the server's own user: the caller must check first whether the client may read.</summary>
    /// <returns>The descriptor, or the negative errno.</returns>
    public int ForReading() => Opened(ref _read, O_RDONLY);

    /// <summary>A descriptor for writing a regular file; as above.</summary>
    public int ForWriting() => Opened(ref _write, O_WRONLY);

    /// <summary>A descriptor for fsync(2): the one for writing if it is open, because it reports errors since it was opened.</summary>
    /// <returns>The descriptor, or the negative errno.</returns>
    public int ForSyncing()
    {
        int write = Volatile.Read(ref _write);
        if (write >= 0)
            return write;
        int read = ForReading();
        return read == -EACCES ? ForWriting() : read;   // a file that its owner may write but not read, if the server is that owner
    }

    /// <summary>Takes the descriptor for writing out; -1: there is none.</summary>
    public int TakeWrite()
    {
        lock (Changing)
            return Interlocked.Exchange(ref _write, -1);
    }

    /// <summary>Puts it back, as another call may be using it.</summary>
    public void GiveBackWrite(int write)
    {
        lock (Changing)
        {
            if (_write < 0)
                _write = write;
            else
                (_replaced ??= []).Add(write);
        }
    }

    /// <summary>Takes over the descriptors of another, which was opened at the same time.</summary>
    public void TakeOver(CachedFile other)
    {
        lock (Changing)
        {
            if (_write < 0)
                (_write, other._write) = (other._write, -1);
        }

        other.Close();
    }

    /// <summary>Closes it.</summary>
    public void Close()
    {
        close(Path);
        if (_read >= 0)
            close(_read);
        if (_write >= 0)
            close(_write);
        _replaced?.ForEach(one => close(one));
    }

    private int Opened(ref int descriptor, int flags)
    {
        int open = Volatile.Read(ref descriptor);
        if (open >= 0)
            return open;
        lock (Changing)
        {
            if (descriptor >= 0)
                return descriptor;
            open = ProcPath.Reopen(Path, flags);
            if (open >= 0)
                Volatile.Write(ref descriptor, open);
            return open;
        }
    }
}

/// <summary>A write that the kernel completes later.</summary>
/// <param name="BeganAlone">Whether no other such write was in progress when it began.</param>
/// <param name="Number">Its number among the file's writes.</param>
internal readonly record struct AsyncWrite(bool BeganAlone, int Number);
