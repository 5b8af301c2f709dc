namespace Multiplex.Nfs;

/// <summary>What an NFS server counts beside all other RPC servers.</summary>
public static class NfsCounters
{
    private static readonly Counter s_filesOpened = ServerCounters.Register("NfsFilesOpened");
    private static readonly Counter s_filesEvicted = ServerCounters.Register("NfsFilesEvicted");
    private static readonly Counter s_mountsForgotten = ServerCounters.Register("NfsMountsForgotten");

    extension(Counter)
    {
        /// <summary>Files that were not held open when a call asked for them.</summary>
        public static Counter NfsFilesOpened => s_filesOpened;

        /// <summary>Files that were held open, and closed to make room for others.</summary>
        public static Counter NfsFilesEvicted => s_filesEvicted;

        /// <summary>Entries of the list of mounts that made room for others.</summary>
        public static Counter NfsMountsForgotten => s_mountsForgotten;
    }
}
