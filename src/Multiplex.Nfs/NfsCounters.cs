namespace Multiplex.Nfs;

/// <summary>The counters of an NFS server, beside those of any RPC server.</summary>
public static class NfsCounters
{
    private static readonly Counter s_filesOpened = ServerCounters.Register("NfsFilesOpened", new("nfs_files_opened_total", "Files that were not open when a call needed them."));
    private static readonly Counter s_filesEvicted = ServerCounters.Register("NfsFilesEvicted", new("nfs_files_evicted_total", "Open files that were closed to make room for others."));
    private static readonly Counter s_mountsForgotten = ServerCounters.Register("NfsMountsForgotten", new("nfs_mounts_forgotten_total", "Entries of the list of mounts that were removed to make room for others."));
    private static readonly Counter s_listingsReused = ServerCounters.Register("NfsListingsReused", new("nfs_listings_reused_total", "Parts of directories that READDIRPLUS took from the cache."));
    private static readonly Counter s_listingsEvicted = ServerCounters.Register("NfsListingsEvicted", new("nfs_listings_evicted_total", "Parts of directories that were evicted from the cache."));
    private static readonly Counter s_usersForgotten = ServerCounters.Register("NfsUsersForgotten", new("nfs_users_forgotten_total", "Users whose groups made room for others before their time."));

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
