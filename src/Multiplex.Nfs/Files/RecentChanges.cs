namespace Multiplex.Nfs.Files;

/// <summary>
/// When this server last changed each file, or last reported a change of it to a client: what was known of the file before is out of date. All threads and
/// processes of a server share it. Inodes share slots, so a file may seem changed that is not.
/// </summary>
internal sealed class RecentChanges : IDisposable
{
    private const int SlotBits = 13;

    private readonly SharedMemory _memory = new(sizeof(long) << SlotBits);

    /// <summary>A file has changed. Called before the reply that says so leaves.</summary>
    public void Mark(ulong inode)
    {
        long now = Environment.TickCount64;
        ref long slot = ref Slot(inode);
        for (long before = Volatile.Read(ref slot); before < now;)
        {
            long seen = Interlocked.CompareExchange(ref slot, now, before);
            if (seen == before)
                return;
            before = seen;
        }
    }

    /// <summary>Whether a file may have changed since a moment, in milliseconds of <see cref="Environment.TickCount64"/>, or at that moment.</summary>
    public bool IsChangedSince(ulong inode, long moment) => Volatile.Read(ref Slot(inode)) >= moment;

    /// <summary>Gives the memory back.</summary>
    public void Dispose() => _memory.Dispose();

    private ref long Slot(ulong inode) => ref _memory.Word((int)(inode * 0x9E37_79B9_7F4A_7C15 >> (64 - SlotBits)) * sizeof(long));
}
