using Multiplex.Nfs.Protocol;
using Multiplex.Rpc.Client;

namespace Multiplex.Nfs.Client;

/// <summary>The entries of a directory, one reply at a time: by READDIRPLUS, or by READDIR if the server has no READDIRPLUS.</summary>
/// <param name="client">The client.</param>
/// <param name="path">The directory's path, for messages.</param>
/// <param name="directory">Its handle.</param>
internal sealed class DirectoryListing(NfsClient client, NfsPath path, NfsFh3 directory)
{
    private const uint LeastReply = 8 << 10, UsualReply = 64 << 10;   // bytes

    private uint _size = Math.Min(Math.Max(client.Info.Dtpref, UsualReply), client.MostBytes);
    private bool _hasAttributes = true;
    private ulong _cookie;
    private byte[] _verifier = new byte[Nfs3Constants.Nfs3Cookieverfsize];
    private bool _isOver;

    /// <summary>Gets the entries of the next reply, without "." and "..".</summary>
    /// <returns>Null when there are no more.</returns>
    public async Task<IEnumerable<NfsEntry>?> Next(CancellationToken cancellation)
    {
        if (_isOver)
            return null;
        Page page = await NextPage(cancellation).ConfigureAwait(false);
        if (page.Entries.Count == 0 && !page.IsLast)
        {
            string operation = _hasAttributes ? "READDIRPLUS" : "READDIR";
            throw new NfsException(operation, path, Nfsstat3.Nfs3errServerfault, "the server says that more entries follow, and sends none");
        }

        (_cookie, _verifier, _isOver) = (page.Cookie, page.Verifier, page.IsLast);
        return page.Entries.Where(entry => !entry.Name.AsSpan().SequenceEqual("."u8) && !entry.Name.AsSpan().SequenceEqual(".."u8));
    }

    private async Task<Page> NextPage(CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                return await (_hasAttributes ? PageWithAttributes(cancellation) : PageOfNames(cancellation)).ConfigureAwait(false);
            }
            catch (Exception e) when (_hasAttributes && e is RpcProcedureUnavailableException or NfsException { Status: Nfsstat3.Nfs3errNotsupp })
            {
                (_hasAttributes, _cookie) = (false, 0);   // at the first reply, or never
            }
            catch (NfsException e) when (e.Status == Nfsstat3.Nfs3errToosmall && _size < client.MostBytes)
            {
                _size *= 2;
            }
        }
    }

    private async Task<Page> PageWithAttributes(CancellationToken cancellation)
    {
        READDIRPLUS3args arguments = new() { Dir = directory, Cookie = _cookie, Cookieverf = _verifier, Dircount = Math.Max(_size / 4, LeastReply), Maxcount = _size };
        READDIRPLUS3resok ok = (await client.Call(
            "READDIRPLUS", path, arguments, client.Procedures.ReaddirplusAsync, one => one.Status, cancellation)
            .ConfigureAwait(false)).Resok!;
        Entryplus3[] entries = [.. ok.Reply.Entries ?? Enumerable.Empty<Entryplus3>()];
        return new(
            [.. entries.Select(one => new NfsEntry(one.Name, one.Fileid, one.NameAttributes.Attributes, one.NameHandle.Handle))],
            entries is [.., var last] ? last.Cookie : _cookie,
            ok.Cookieverf,
            ok.Reply.Eof);
    }

    private async Task<Page> PageOfNames(CancellationToken cancellation)
    {
        READDIR3args arguments = new() { Dir = directory, Cookie = _cookie, Cookieverf = _verifier, Count = _size };
        READDIR3resok ok = (await client.Call(
            "READDIR", path, arguments, client.Procedures.ReaddirAsync, one => one.Status, cancellation).ConfigureAwait(false)).Resok!;
        Entry3[] entries = [.. ok.Reply.Entries ?? Enumerable.Empty<Entry3>()];
        return new(
            [.. entries.Select(one => new NfsEntry(one.Name, one.Fileid, null, null))], entries is [.., var last] ? last.Cookie : _cookie, ok.Cookieverf, ok.Reply.Eof);
    }

    private sealed record Page(IReadOnlyList<NfsEntry> Entries, ulong Cookie, byte[] Verifier, bool IsLast);
}
