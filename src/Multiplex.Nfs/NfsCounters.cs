namespace Multiplex.Nfs;

/// <summary>The counters of an NFS server, beside those of any RPC server.</summary>
public static class NfsCounters
{
    private static readonly Counter s_filesOpened = ServerCounters.Register("NfsFilesOpened");
    private static readonly Counter s_filesEvicted = ServerCounters.Register("NfsFilesEvicted");
    private static readonly Counter s_mountsForgotten = ServerCounters.Register("NfsMountsForgotten");
    private static readonly Counter s_listingsReused = ServerCounters.Register("NfsListingsReused");
    private static readonly Counter s_listingsEvicted = ServerCounters.Register("NfsListingsEvicted");
    private static readonly Counter s_usersForgotten = ServerCounters.Register("NfsUsersForgotten");

    extension(Counter)
    {
        /// <summary>Files that were not open when a call needed them.</summary>
        public static Counter NfsFilesOpened => s_filesOpened;

        /// <summary>Open files that were closed to make room for others.</summary>
        public static Counter NfsFilesEvicted => s_filesEvicted;

        /// <summary>Entries of the list of mounts that were removed to make room for others.</summary>
        public static Counter NfsMountsForgotten => s_mountsForgotten;

        /// <summary>Parts of directories that READDIRPLUS took from the cache.</summary>
        public static Counter NfsListingsReused => s_listingsReused;

        /// <summary>Parts of directories that were evicted from the cache.</summary>
        public static Counter NfsListingsEvicted => s_listingsEvicted;

        /// <summary>Users whose groups were looked up, and that made room for others before their time.</summary>
        public static Counter NfsUsersForgotten => s_usersForgotten;
    }
}
