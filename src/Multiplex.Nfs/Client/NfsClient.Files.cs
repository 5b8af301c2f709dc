using Multiplex.Nfs.Protocol;

namespace Multiplex.Nfs.Client;

// Files as a whole.
public sealed partial class NfsClient
{
    private const uint UsualFileMode = 0x1A4;   // 0644

    /// <summary>Opens a file for reading and writing. NFS has no call for that: the path is looked up.</summary>
    /// <param name="path">The file.</param>
    /// <param name="follow">Whether symbolic links are followed.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<NfsFile> OpenAsync(NfsPath path, bool follow = false, CancellationToken cancellationToken = default) =>
        new(this, path, await LookupAsync(path, follow, cancellationToken).ConfigureAwait(false));

    /// <summary>CREATE: makes a file; one that exists is truncated and keeps its mode.</summary>
    /// <param name="path">The file.</param>
    /// <param name="mode">The mode of a new one; 0644.</param>
    /// <param name="exclusive">Whether the operation fails with NFS3ERR_EXIST if the file exists.</param>
    /// <param name="cancellationToken">Cancels; whether the file was made is then unknown.</param>
    public async Task<NfsFile> CreateAsync(NfsPath path, uint mode = UsualFileMode, bool exclusive = false, CancellationToken cancellationToken = default)
    {
        Sattr3 attributes = new() { Mode = Set(mode), Size = new() { SetIt = true } };
        Createhow3 how = exclusive
            ? new() { Mode = Createmode3.Guarded, GuardedAttributes = attributes }
            : new() { Mode = Createmode3.Unchecked, UncheckedAttributes = attributes };
        CREATE3res result = await CallAt(
            "CREATE", path, where => new CREATE3args { Where = where, How = how }, Procedures.CreateAsync, one => one.Status, cancellationToken).ConfigureAwait(false);
        return new(this, path, result.Resok!.Obj.Handle ?? await LookupAsync(path, follow: false, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Copies a file to a stream.</summary>
    /// <param name="path">The file.</param>
    /// <param name="destination">Where its bytes go.</param>
    /// <param name="follow">Whether symbolic links are followed.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task ReadAsync(NfsPath path, Stream destination, bool follow = false, CancellationToken cancellationToken = default)
    {
        await using NfsFile file = await OpenAsync(path, follow, cancellationToken).ConfigureAwait(false);
        await foreach (ReadOnlyMemory<byte> part in file.ReadAllAsync(cancellationToken: cancellationToken).ConfigureAwait(false))
            await destination.WriteAsync(part, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Copies a stream to a file, which is made or truncated. The task ends when the file is on the server's disk.</summary>
    /// <param name="path">The file.</param>
    /// <param name="source">Where its bytes come from.</param>
    /// <param name="mode">The mode of a new file; 0644.</param>
    /// <param name="cancellationToken">Cancels; the file then has a part of the bytes.</param>
    public async Task WriteAsync(NfsPath path, Stream source, uint mode = UsualFileMode, CancellationToken cancellationToken = default)
    {
        await using NfsFile file = await CreateAsync(path, mode, exclusive: false, cancellationToken).ConfigureAwait(false);
        byte[] buffer = new byte[file.WriteSize];
        long offset = 0;
        while (await source.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false) is > 0 and int count)
        {
            await file.WriteAsync(offset, buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
            offset += count;
        }

        await file.CommitAsync(cancellationToken).ConfigureAwait(false);
    }
}
