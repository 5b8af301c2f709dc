using System.Runtime.CompilerServices;
using Multiplex.Nfs.Protocol;
using Multiplex.Rpc.Client;

namespace Multiplex.Nfs.Client;

// Names: looking up paths, listing directories, and making, moving and removing names.
public sealed partial class NfsClient
{
    private const uint UsualDirectoryMode = 0x1ED;   // 0755

    /// <summary>LOOKUP of each name of a path: gets the handle of a file.</summary>
    /// <param name="path">The path.</param>
    /// <param name="follow">Whether symbolic links are followed, also at the end. Otherwise a path through one fails with NFS3ERR_NOTDIR.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async ValueTask<NfsFh3> LookupAsync(NfsPath path, bool follow = false, CancellationToken cancellationToken = default) =>
        await Walk.To(path, path.Names(), follow, cancellationToken).ConfigureAwait(false);

    /// <summary>GETATTR: gets a file's attributes.</summary>
    /// <inheritdoc cref="LookupAsync"/>
    public async ValueTask<Fattr3> StatAsync(NfsPath path, bool follow = false, CancellationToken cancellationToken = default) =>
        await Walk.Attributes(path, await LookupAsync(path, follow, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);

    /// <summary>SETATTR: sets mode, owner, size and times of a file, those that <paramref name="attributes"/> has.</summary>
    public async Task SetAttributesAsync(NfsPath path, Sattr3 attributes, bool follow = false, CancellationToken cancellationToken = default) => await Call(
        "SETATTR",
        path,
        new SETATTR3args { Object = await LookupAsync(path, follow, cancellationToken).ConfigureAwait(false), NewAttributes = attributes },
        Procedures.SetattrAsync,
        result => result.Status,
        cancellationToken).ConfigureAwait(false);

    /// <summary>
    /// Lists a directory, without "." and "..": by READDIRPLUS, with attributes and handles; by READDIR if the server has no READDIRPLUS. The entries are in
    /// the server's order, and are returned as the replies arrive.
    /// </summary>
    /// <param name="path">The directory.</param>
    /// <param name="follow">Whether symbolic links in the path are followed.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async IAsyncEnumerable<NfsEntry> ListAsync(
        NfsPath path, bool follow = false, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        DirectoryListing listing = new(this, path, await LookupAsync(path, follow, cancellationToken).ConfigureAwait(false));
        while (await listing.Next(cancellationToken).ConfigureAwait(false) is { } entries)
        {
            foreach (NfsEntry entry in entries)
                yield return entry;
        }
    }

    /// <summary>READLINK: gets the target of a symbolic link.</summary>
    public async Task<byte[]> ReadLinkAsync(NfsPath path, CancellationToken cancellationToken = default) =>
        await Walk.ReadLink(path, await LookupAsync(path, follow: false, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);

    /// <summary>MKDIR: makes a directory.</summary>
    /// <param name="path">The new directory.</param>
    /// <param name="mode">Its mode; 0755.</param>
    /// <param name="cancellationToken">Gives up; whether it was made is not known then.</param>
    public Task MakeDirectoryAsync(NfsPath path, uint mode = UsualDirectoryMode, CancellationToken cancellationToken = default) => CallAt(
        "MKDIR",
        path,
        where => new MKDIR3args { Where = where, Attributes = new() { Mode = Set(mode) } },
        Procedures.MkdirAsync,
        result => result.Status,
        cancellationToken);

    /// <summary>SYMLINK: makes a symbolic link.</summary>
    /// <param name="path">The new symbolic link.</param>
    /// <param name="target">Its target.</param>
    /// <param name="cancellationToken">Gives up; whether it was made is not known then.</param>
    public Task SymlinkAsync(NfsPath path, NfsPath target, CancellationToken cancellationToken = default) => CallAt(
        "SYMLINK",
        path,
        where => new SYMLINK3args { Where = where, Symlink = new() { SymlinkData = target.Bytes.ToArray() } },
        Procedures.SymlinkAsync,
        result => result.Status,
        cancellationToken);

    /// <summary>LINK: makes a further name for a file.</summary>
    public async Task LinkAsync(NfsPath file, NfsPath newName, CancellationToken cancellationToken = default) => await Call(
        "LINK",
        newName,
        new LINK3args
        {
            File = await LookupAsync(file, follow: false, cancellationToken).ConfigureAwait(false),
            Link = await Walk.Parent(newName, cancellationToken).ConfigureAwait(false),
        },
        Procedures.LinkAsync,
        result => result.Status,
        cancellationToken).ConfigureAwait(false);

    /// <summary>REMOVE: removes the name of anything but a directory.</summary>
    public Task RemoveAsync(NfsPath path, CancellationToken cancellationToken = default) =>
        CallAt("REMOVE", path, where => new REMOVE3args { Object = where }, Procedures.RemoveAsync, result => result.Status, cancellationToken);

    /// <summary>RMDIR: removes an empty directory.</summary>
    public Task RemoveDirectoryAsync(NfsPath path, CancellationToken cancellationToken = default) =>
        CallAt("RMDIR", path, where => new RMDIR3args { Object = where }, Procedures.RmdirAsync, result => result.Status, cancellationToken);

    /// <summary>RENAME: renames a file or directory, and replaces one that has the new name.</summary>
    public async Task RenameAsync(NfsPath from, NfsPath to, CancellationToken cancellationToken = default) => await Call(
        "RENAME",
        from,
        new RENAME3args
        {
            From = await Walk.Parent(from, cancellationToken).ConfigureAwait(false),
            To = await Walk.Parent(to, cancellationToken).ConfigureAwait(false),
        },
        Procedures.RenameAsync,
        result => result.Status,
        cancellationToken).ConfigureAwait(false);

    /// <summary>FSSTAT: gets the size and the free room of the file system that a file is in, in bytes and in files.</summary>
    public async Task<FSSTAT3resok> FileSystemAsync(NfsPath path, CancellationToken cancellationToken = default)
    {
        FSSTAT3res result = await Call(
            "FSSTAT",
            path,
            new FSSTAT3args { Fsroot = await LookupAsync(path, follow: true, cancellationToken).ConfigureAwait(false) },
            Procedures.FsstatAsync,
            one => one.Status,
            cancellationToken).ConfigureAwait(false);
        return result.Resok!;
    }

    internal static SetMode3 Set(uint mode) => new() { SetIt = true, Mode = mode };

    // Calls a procedure on one name, that of a path.
    private async Task<TResult> CallAt<TArguments, TResult>(
        string operation,
        NfsPath path,
        Func<Diropargs3, TArguments> arguments,
        Func<TArguments, RpcCallOptions?, CancellationToken, ValueTask<TResult>> call,
        Func<TResult, Nfsstat3> statusOf,
        CancellationToken cancellation) =>
        await Call(operation, path, arguments(await Walk.Parent(path, cancellation).ConfigureAwait(false)), call, statusOf, cancellation).ConfigureAwait(false);
}
