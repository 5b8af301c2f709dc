using Multiplex.Nfs.Protocol;
using Multiplex.Rpc.Client;

namespace Multiplex.Nfs.Client;

// Names: looking up paths, and making, moving and removing names.
public sealed partial class NfsClient
{
    private const int MostLinks = 40;   // as in Linux: ELOOP of path_resolution(7)
    private const uint UsualDirectoryMode = 0x1ED;   // 0755

    /// <summary>LOOKUP of each name of a path: gets the handle of a file.</summary>
    /// <param name="path">The path.</param>
    /// <param name="follow">Whether symbolic links are followed, also at the end. Otherwise a path through one fails with NFS3ERR_NOTDIR.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async ValueTask<NfsFh3> LookupAsync(NfsPath path, bool follow = false, CancellationToken cancellationToken = default) =>
        await Walk(path, path.Names(), follow, cancellationToken).ConfigureAwait(false);

    /// <summary>GETATTR: gets a file's attributes.</summary>
    /// <inheritdoc cref="LookupAsync"/>
    public async ValueTask<Fattr3> StatAsync(NfsPath path, bool follow = false, CancellationToken cancellationToken = default) =>
        await Attributes(path, await LookupAsync(path, follow, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);

    /// <summary>SETATTR: sets mode, owner, size and times of a file, those that <paramref name="attributes"/> has.</summary>
    public async Task SetAttributesAsync(NfsPath path, Sattr3 attributes, bool follow = false, CancellationToken cancellationToken = default) => await Call(
        "SETATTR",
        path,
        new SETATTR3args { Object = await LookupAsync(path, follow, cancellationToken).ConfigureAwait(false), NewAttributes = attributes },
        Procedures.SetattrAsync,
        result => result.Status,
        cancellationToken).ConfigureAwait(false);

    /// <summary>READLINK: gets the target of a symbolic link.</summary>
    public async Task<byte[]> ReadLinkAsync(NfsPath path, CancellationToken cancellationToken = default) =>
        await ReadLink(path, await LookupAsync(path, follow: false, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);

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
            Link = await Parent(newName, cancellationToken).ConfigureAwait(false),
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
            From = await Parent(from, cancellationToken).ConfigureAwait(false),
            To = await Parent(to, cancellationToken).ConfigureAwait(false),
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

    internal async ValueTask<Fattr3> Attributes(NfsPath path, NfsFh3 handle, CancellationToken cancellation)
    {
        GETATTR3res result = await Call(
            "GETATTR", path, new GETATTR3args { Object = handle }, Procedures.GetattrAsync, one => one.Status, cancellation)
            .ConfigureAwait(false);
        return result.Resok!.ObjAttributes;
    }

    // Calls a procedure on one name, that of a path.
    private async Task<TResult> CallAt<TArguments, TResult>(
        string operation,
        NfsPath path,
        Func<Diropargs3, TArguments> arguments,
        Func<TArguments, RpcCallOptions?, CancellationToken, ValueTask<TResult>> call,
        Func<TResult, Nfsstat3> statusOf,
        CancellationToken cancellation) =>
        await Call(operation, path, arguments(await Parent(path, cancellation).ConfigureAwait(false)), call, statusOf, cancellation).ConfigureAwait(false);

    // Looks up the directory of a name, but not the name itself.
    private async ValueTask<Diropargs3> Parent(NfsPath path, CancellationToken cancellation)
    {
        (byte[][] directory, byte[] name) = path.Split();
        return new() { Dir = await Walk(path, directory, follow: false, cancellation).ConfigureAwait(false), Name = name };
    }

    private async ValueTask<NfsFh3> Walk(NfsPath path, byte[][] names, bool follow, CancellationToken cancellation)
    {
        NfsFh3 at = Root;
        Stack<byte[]> ahead = new(Enumerable.Reverse(names));
        for (int links = 0; ahead.TryPop(out byte[]? name);)
        {
            LOOKUP3res found = await Call(
                "LOOKUP",
                path,
                new LOOKUP3args { What = new() { Dir = at, Name = name } },
                Procedures.LookupAsync,
                result => result.Status,
                cancellation).ConfigureAwait(false);
            NfsFh3 child = found.Resok!.Object;
            if (!follow || (found.Resok.ObjAttributes.Attributes ?? await Attributes(path, child, cancellation).ConfigureAwait(false)).Type != Ftype3.Nf3lnk)
            {
                at = child;
                continue;
            }

            if (++links > MostLinks)
                throw new NfsException("LOOKUP", path, Nfsstat3.Nfs3errInval, $"more than {MostLinks} symbolic links");
            NfsPath target = new(await ReadLink(path, child, cancellation).ConfigureAwait(false));
            if (target.Bytes.Span.StartsWith("/"u8))
                (at, target) = (Root, WithinMounted(path, target));
            foreach (byte[] one in Enumerable.Reverse(target.Names()))
                ahead.Push(one);
        }

        return at;
    }

    // An absolute target is a path on the server; only its part below the mount can be reached.
    private NfsPath WithinMounted(NfsPath path, NfsPath target) => IsAbove(Mounted.Bytes.Span, target.Bytes.Span)
        ? new(target.Bytes[Mounted.Bytes.Length..])
        : throw new NfsException("LOOKUP", path, Nfsstat3.Nfs3errNoent, $"a symbolic link leads to {target}, outside {Mounted} that is mounted");

    private async Task<byte[]> ReadLink(NfsPath path, NfsFh3 link, CancellationToken cancellation)
    {
        READLINK3res result = await Call(
            "READLINK", path, new READLINK3args { Symlink = link }, Procedures.ReadlinkAsync, one => one.Status, cancellation)
            .ConfigureAwait(false);
        return result.Resok!.Data;
    }
}
