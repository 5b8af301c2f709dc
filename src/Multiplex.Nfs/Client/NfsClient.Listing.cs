using System.Runtime.CompilerServices;
using Multiplex.Nfs.Protocol;
using Multiplex.Rpc.Client;

namespace Multiplex.Nfs.Client;

// The entries of a directory, one reply at a time.
public sealed partial class NfsClient
{
    private const uint LeastReply = 8 << 10, UsualReply = 64 << 10;   // bytes

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
        NfsFh3 directory = await LookupAsync(path, follow, cancellationToken).ConfigureAwait(false);
        uint most = MostBytes, size = Math.Min(Math.Max(Info.Dtpref, UsualReply), most);
        bool plus = true;
        ulong cookie = 0;
        byte[] verifier = new byte[Nfs3Constants.Nfs3Cookieverfsize];
        while (true)
        {
            Page page;
            try
            {
                page = plus
                    ? await PageWithAttributes(path, directory, cookie, verifier, size, cancellationToken).ConfigureAwait(false)
                    : await PageOfNames(path, directory, cookie, verifier, size, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (plus && e is RpcProcedureUnavailableException or NfsException { Status: Nfsstat3.Nfs3errNotsupp })
            {
                (plus, cookie) = (false, 0);   // at the first reply, or never
                continue;
            }
            catch (NfsException e) when (e.Status == Nfsstat3.Nfs3errToosmall && size < most)
            {
                size *= 2;
                continue;
            }

            foreach (NfsEntry entry in page.Entries)
            {
                if (!entry.Name.AsSpan().SequenceEqual("."u8) && !entry.Name.AsSpan().SequenceEqual(".."u8))
                    yield return entry;
            }

            if (page.IsLast)
                yield break;
            if (page.Entries.Count == 0)
                throw new NfsException(plus ? "READDIRPLUS" : "READDIR", path, Nfsstat3.Nfs3errServerfault, "the server says that more entries follow, and sends none");
            (cookie, verifier) = (page.Cookie, page.Verifier);
        }
    }

    private async Task<Page> PageWithAttributes(
        NfsPath path, NfsFh3 directory, ulong cookie, byte[] verifier, uint size, CancellationToken cancellation)
    {
        READDIRPLUS3args arguments = new() { Dir = directory, Cookie = cookie, Cookieverf = verifier, Dircount = Math.Max(size / 4, LeastReply), Maxcount = size };
        READDIRPLUS3resok ok = (await Call(
            "READDIRPLUS", path, arguments, Procedures.ReaddirplusAsync, one => one.Status, cancellation)
            .ConfigureAwait(false)).Resok!;
        Entryplus3[] entries = [.. ok.Reply.Entries ?? Enumerable.Empty<Entryplus3>()];
        return new(
            [.. entries.Select(one => new NfsEntry(one.Name, one.Fileid, one.NameAttributes.Attributes, one.NameHandle.Handle))],
            entries is [.., var last] ? last.Cookie : cookie,
            ok.Cookieverf,
            ok.Reply.Eof);
    }

    private async Task<Page> PageOfNames(NfsPath path, NfsFh3 directory, ulong cookie, byte[] verifier, uint size, CancellationToken cancellation)
    {
        READDIR3args arguments = new() { Dir = directory, Cookie = cookie, Cookieverf = verifier, Count = size };
        READDIR3resok ok = (await Call(
            "READDIR", path, arguments, Procedures.ReaddirAsync, one => one.Status, cancellation).ConfigureAwait(false)).Resok!;
        Entry3[] entries = [.. ok.Reply.Entries ?? Enumerable.Empty<Entry3>()];
        return new(
            [.. entries.Select(one => new NfsEntry(one.Name, one.Fileid, null, null))], entries is [.., var last] ? last.Cookie : cookie, ok.Cookieverf, ok.Reply.Eof);
    }

    private sealed record Page(IReadOnlyList<NfsEntry> Entries, ulong Cookie, byte[] Verifier, bool IsLast);
}
