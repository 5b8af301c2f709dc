using Multiplex.Interop;
using Multiplex.Nfs.Exports;
using Multiplex.Nfs.Files;
using Multiplex.Rpc.Server;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Server;

/// <summary>The options of an NFS server: its exports and limits.</summary>
public sealed record NfsServerOptions
{
    /// <summary>The exports; one or more.</summary>
    public required IReadOnlyList<Export> Exports { get; init; }

    /// <summary>The directory for the key of the handles: see <see cref="HandleKey.UsualDirectory"/>.</summary>
    public string StateDirectory { get; init; } = HandleKey.UsualDirectory;

    /// <summary>How many files a process holds open between calls, each with up to three descriptors; one or more.</summary>
    public int OpenFiles { get; init; } = 1024;

    /// <summary>The most descriptors that those take.</summary>
    public int MostDescriptors => 3 * OpenFiles;

    /// <summary>How many bytes of directories' entries a process caches for READDIRPLUS, approximately; 0: none.</summary>
    public long ListingCache { get; init; } = UsualListingCache;

    /// <summary>4 MiB: about 20,000 entries.</summary>
    public const long UsualListingCache = 4 << 20;

    /// <summary>Of how many users an export with <see cref="Export.GroupsTime"/> knows the groups, in each process; one or more.</summary>
    public int KnownUsers { get; init; } = 4096;

    /// <summary>How many mounts are remembered for DUMP; one or more.</summary>
    public int Mounts { get; init; } = 256;
}

/// <summary>An NFS server: the programs NFS and MOUNT over some exports, for an <see cref="RpcProtocol"/>.</summary>
public sealed class NfsServer : IDisposable
{
    private readonly ExportedDirectory[] _exports;
    private readonly WriteVerifier _verifier = new();
    private readonly RecentChanges _changes = new();
    private readonly MountList _mounts;
    private bool _isClosed;

    /// <summary>Opens the exports. A server that forks must do so before its first fork.</summary>
    /// <param name="options">What is served.</param>
    /// <param name="counters">The counters; null: nothing is counted.</param>
    /// <remarks>
    /// It sets umask(2) to 0, for the whole process: new files get the permissions that clients ask for.
    /// </remarks>
    /// <exception cref="SyscallException">A directory cannot be opened, or the key cannot be saved.</exception>
    /// <exception cref="IOException">The key cannot be saved.</exception>
    /// <exception cref="ArgumentException">Two exports have the same name, or there are none.</exception>
    public NfsServer(NfsServerOptions options, ServerCounters? counters = null)
    {
        ArgumentOutOfRangeException.ThrowIfZero(options.Exports.Count, nameof(options.Exports));
        if (options.Exports.GroupBy(export => export.Name).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new ArgumentException($"two exports are called {twice.Key}", nameof(options));
        byte[] key = HandleKey.In(options.StateDirectory);
        ExportedDirectory[] named = [.. options.Exports.Select(export => ExportedDirectory.Open(export, Groups(export, options, counters), key, _changes))];
        _exports = [.. named, .. MountsBelow.Open(named)];
        if (_exports.GroupBy(export => export.Id).FirstOrDefault(same => same.Count() > 1) is { } alike)
            throw new ArgumentException($"the names of {string.Join(" and ", alike.Select(one => one.Export.Directory))} have the same hash: rename one", nameof(options));
        _mounts = new(options.Mounts, counters);
        ServedFiles files = new(_exports, new(options.OpenFiles, counters), _verifier);
        Programs = [new NfsProgram(files, new(options.ListingCache, counters)), new MountProgram(_exports, _mounts)];
        umask(0);
    }

    /// <summary>NFS version 3 and MOUNT version 3.</summary>
    public IRpcProgram[] Programs { get; }

    /// <summary>
    /// Whether calls run with the rights of the users that they name. Otherwise the server is not root, and refuses calls of all users but its own, unless an export
    /// squashes all to that user.
    /// </summary>
    public static bool ActsAsCallers => FileSystemUser.CanBeAny;

    /// <summary>Closes the exports. No call may be in progress.</summary>
    public void Dispose()
    {
        if (_isClosed)
            return;
        _isClosed = true;
        foreach (ExportedDirectory export in _exports)
            close(export.Root);
        _verifier.Dispose();
        _changes.Dispose();
        _mounts.Dispose();
    }

    private static UserGroups? Groups(Export export, NfsServerOptions options, ServerCounters? counters) =>
        export.GroupsTime > TimeSpan.Zero ? new(export.GroupsTime, export.InsteadOf(0), options.KnownUsers, counters) : null;
}
