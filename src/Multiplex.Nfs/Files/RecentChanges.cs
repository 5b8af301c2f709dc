namespace Multiplex.Nfs.Files;

/// <summary>
/// When this server last changed each file, or last reported a change of it to a client: older knowledge of the file is out of date. All threads and
/// processes of a server share it. Inodes share slots, so an unchanged file may seem changed.
/// </summary>
internal sealed class RecentChanges : IDisposable
{
    private const int SlotBits = 13;

    private readonly SharedMemory _memory = new(sizeof(long) << SlotBits);

    /// <summary>Records that a file has changed. To be called before the reply that reports the change is sent.</summary>
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

    /// <summary>Whether a file may have changed at or after a time, in milliseconds of <see cref="Environment.TickCount64"/>.</summary>
    public bool IsChangedSince(ulong inode, long moment) => Volatile.Read(ref Slot(inode)) >= moment;

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _memory.Dispose();

    private ref long Slot(ulong inode) => ref _memory.Word((int)(inode * 0x9E37_79B9_7F4A_7C15 >> (64 - SlotBits)) * sizeof(long));
}
