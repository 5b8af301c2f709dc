namespace Multiplex.Nfs;

/// <summary>What an NFS server counts beside all other RPC servers.</summary>
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
        /// <summary>Files that were not held open when a call asked for them.</summary>
        public static Counter NfsFilesOpened => s_filesOpened;

        /// <summary>Files that were held open, and closed to make room for others.</summary>
        public static Counter NfsFilesEvicted => s_filesEvicted;

        /// <summary>Entries of the list of mounts that made room for others.</summary>
        public static Counter NfsMountsForgotten => s_mountsForgotten;

        /// <summary>Parts of directories that READDIRPLUS did not have to read again.</summary>
        public static Counter NfsListingsReused => s_listingsReused;

        /// <summary>Parts of directories that were kept, and made room for others.</summary>
        public static Counter NfsListingsEvicted => s_listingsEvicted;

        /// <summary>Users whose groups were looked up, and that made room for others before their time.</summary>
        public static Counter NfsUsersForgotten => s_usersForgotten;
    }
}
