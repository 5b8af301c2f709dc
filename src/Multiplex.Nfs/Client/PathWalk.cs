using Multiplex.Nfs.Protocol;

namespace Multiplex.Nfs.Client;

/// <summary>Resolves paths: one LOOKUP a name, as NFS has no call for a whole path. Symbolic links are the client's to follow.</summary>
/// <param name="client">The client whose mounted directory the paths begin at.</param>
internal sealed class PathWalk(NfsClient client)
{
    private const int MostLinks = 40;   // as in Linux: ELOOP of path_resolution(7)

    /// <summary>Looks up the directory of a path's last name, but not the name itself.</summary>
    public async ValueTask<Diropargs3> Parent(NfsPath path, CancellationToken cancellation)
    {
        (byte[][] directory, byte[] name) = path.Split();
        return new() { Dir = await To(path, directory, follow: false, cancellation).ConfigureAwait(false), Name = name };
    }

    /// <summary>LOOKUP of each name, from the mounted directory on.</summary>
    /// <param name="path">The path, for messages.</param>
    /// <param name="names">The names.</param>
    /// <param name="follow">Whether symbolic links are followed, also at the end.</param>
    /// <param name="cancellation">Gives up.</param>
    public async ValueTask<NfsFh3> To(NfsPath path, byte[][] names, bool follow, CancellationToken cancellation)
    {
        NfsFh3 at = client.Root;
        Stack<byte[]> ahead = new(Enumerable.Reverse(names));
        for (int links = 0; ahead.TryPop(out byte[]? name);)
        {
            LOOKUP3res found = await client.Call(
                "LOOKUP",
                path,
                new LOOKUP3args { What = new() { Dir = at, Name = name } },
                client.Procedures.LookupAsync,
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
                (at, target) = (client.Root, WithinMounted(path, target));
            foreach (byte[] one in Enumerable.Reverse(target.Names()))
                ahead.Push(one);
        }

        return at;
    }

    // An absolute target is a path on the server; only its part below the mount can be reached.
    private NfsPath WithinMounted(NfsPath path, NfsPath target) => NfsClient.IsAbove(client.Mounted.Bytes.Span, target.Bytes.Span)
        ? new(target.Bytes[client.Mounted.Bytes.Length..])
        : throw new NfsException("LOOKUP", path, Nfsstat3.Nfs3errNoent, $"a symbolic link leads to {target}, outside {client.Mounted} that is mounted");

    /// <summary>READLINK: the target of a symbolic link.</summary>
    public async Task<byte[]> ReadLink(NfsPath path, NfsFh3 link, CancellationToken cancellation)
    {
        READLINK3res result = await client.Call(
            "READLINK", path, new READLINK3args { Symlink = link }, client.Procedures.ReadlinkAsync, one => one.Status, cancellation)
            .ConfigureAwait(false);
        return result.Resok!.Data;
    }

    /// <summary>GETATTR of a handle.</summary>
    public async ValueTask<Fattr3> Attributes(NfsPath path, NfsFh3 handle, CancellationToken cancellation)
    {
        GETATTR3res result = await client.Call(
            "GETATTR", path, new GETATTR3args { Object = handle }, client.Procedures.GetattrAsync, one => one.Status, cancellation)
            .ConfigureAwait(false);
        return result.Resok!.ObjAttributes;
    }
}
