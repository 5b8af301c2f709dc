using System.Text;
using Multiplex.Nfs.Client;
using Multiplex.Nfs.Protocol;
using Multiplex.Sockets;

namespace Multiplex.Load.Workload.Files;

/// <summary>A file of a tree.</summary>
/// <param name="Directory">The handle of its directory.</param>
/// <param name="Name">Its name there.</param>
/// <param name="Handle">Its handle.</param>
/// <param name="Id">Its fileid.</param>
internal sealed record TreeFile(byte[] Directory, byte[] Name, byte[] Handle, ulong Id);

/// <summary>A place from which the list of a directory is continued.</summary>
/// <param name="Directory">The handle of the directory.</param>
/// <param name="Cookie">The cookie; 0 at the beginning.</param>
/// <param name="Verifier">The verifier of the cookie.</param>
/// <param name="Names">What the directory has, in the order of its list.</param>
/// <param name="First">Which of these is next.</param>
internal sealed record TreePage(byte[] Directory, ulong Cookie, byte[] Verifier, byte[][] Names, int First);

/// <summary>
/// The files that a load uses: a new directory, which is made over NFS, and removed when this object is disposed of. Between the two, no connection is
/// open. If the server is killed, the directory remains.
/// </summary>
public sealed class FileTree : IDisposable
{
    private const int Pattern = 251;   // a prime: no power of two shifts it onto itself
    private const int AtATime = 16;    // files that are made or removed at a time

    private readonly NfsClientOptions _options;
    private readonly string _name = $"multiplex-load-{Environment.ProcessId}-{Random.Shared.Next():x8}";
    private readonly byte[] _content;
    private NfsUrl _url;
    private bool _isMade;

    /// <summary>A tree that is not made yet.</summary>
    /// <param name="url">The directory that is to hold it: an export, or a directory in one. With an empty path: the first that the server exports.</param>
    /// <param name="mix">Which files.</param>
    /// <param name="options">How the server is called.</param>
    public FileTree(NfsUrl url, FileMix mix, NfsClientOptions options)
    {
        (_url, Mix, _options) = (url, mix, options);
        _content = new byte[mix.FileBytes + Pattern];
        for (int i = 0; i < _content.Length; i++)
            _content[i] = (byte)(i % Pattern);
    }

    /// <summary>Where NFS is called; null before it is made.</summary>
    public Endpoint? Server { get; private set; }

    /// <summary>What is asked.</summary>
    public FileMix Mix { get; }

    /// <summary>The files.</summary>
    internal TreeFile[] Files { get; private set; } = [];

    /// <summary>The places where lists go on, of all directories.</summary>
    internal TreePage[] Pages { get; private set; } = [];

    /// <summary>Makes the files.</summary>
    /// <returns>Where NFS is called.</returns>
    /// <exception cref="IOException">The server cannot be reached, or refuses. What was made is removed, if the server permits it.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; nothing is left.</exception>
    public Endpoint Make(CancellationToken cancellation) => Wait(async () =>
    {
        if (_url.Path.Bytes.IsEmpty)
            _url = _url with { Path = await FirstExport(cancellation).ConfigureAwait(false) };
        (NfsClient client, NfsPath path) = await NfsClient.ConnectAboveAsync(_url, _options, cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            CheckSizes(client.Info);
            path = path.Combine(Bytes(_name));
            try
            {
                await MakeFiles(client, path, cancellation).ConfigureAwait(false);
            }
            catch
            {
                await RemoveAll(client, path).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);   // what failed first is to be said
                throw;
            }

            _isMade = true;
            await client.DisconnectAsync(cancellation).ConfigureAwait(false);
            return Server = client.Server;
        }
    });

    /// <summary>The requests, for a client thread.</summary>
    public Exchange Exchange() => new FilesExchange(this);

    /// <summary>Removes the files, if they have been made.</summary>
    /// <exception cref="IOException">The server is gone, or refuses.</exception>
    public void Dispose()
    {
        if (_isMade)
            Wait(Remove);
        _isMade = false;
    }

    /// <summary>The content of a file.</summary>
    /// <param name="file">The index of the file: no two neighbours have the same.</param>
    /// <param name="offset">From where.</param>
    /// <param name="count">How many bytes.</param>
    internal ReadOnlySpan<byte> Content(int file, int offset, int count) => _content.AsSpan(((file % Pattern) + offset) % Pattern, count);

    private static byte[] Bytes(string name) => Encoding.ASCII.GetBytes(name);

    // The command and the comparison are not asynchronous.
    private static T Wait<T>(Func<Task<T>> work) => Task.Run(work).GetAwaiter().GetResult();

    private async Task<NfsPath> FirstExport(CancellationToken cancellation)
    {
        await using MountClient mount = await MountClient.ConnectAsync(_url.Host, _options.MountPort ?? _url.Port, _options, cancellation).ConfigureAwait(false);
        return await mount.ExportsAsync(cancellation).ConfigureAwait(false) is [var first, ..]
            ? first.Directory
            : throw new IOException($"{_url.Host} lists no export: write {NfsUrl.Form}");
    }

    private async Task<bool> Remove()
    {
        (NfsClient client, NfsPath path) = await NfsClient.ConnectAboveAsync(_url, _options).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            await RemoveAll(client, path.Combine(Bytes(_name))).ConfigureAwait(false);
            await client.DisconnectAsync().ConfigureAwait(false);
        }

        return true;
    }

    private static async Task RemoveAll(NfsClient client, NfsPath path)
    {
        await foreach (NfsEntry entry in client.ListAsync(path).ConfigureAwait(false))
        {
            NfsPath directory = path.Combine(entry.Name);
            List<byte[]> names = [];
            await foreach (NfsEntry file in client.ListAsync(directory).ConfigureAwait(false))
                names.Add(file.Name);
            await ForEach(names, name => client.RemoveAsync(directory.Combine(name)), CancellationToken.None).ConfigureAwait(false);
            await client.RemoveDirectoryAsync(directory).ConfigureAwait(false);
        }

        await client.RemoveDirectoryAsync(path).ConfigureAwait(false);
    }

    private static Task ForEach<T>(IEnumerable<T> all, Func<T, Task> act, CancellationToken cancellation) => Parallel.ForEachAsync(
        all, new ParallelOptions { MaxDegreeOfParallelism = AtATime, CancellationToken = cancellation }, async (one, _) => await act(one).ConfigureAwait(false));

    private void CheckSizes(FSINFO3resok info)
    {
        foreach ((FileCall call, uint most) in (ReadOnlySpan<(FileCall, uint)>)[(FileCall.Read, info.Rtmax), (FileCall.Write, info.Wtmax)])
        {
            int longest = Mix.Sizes.Max(size => size.Value);
            if (Mix.Calls.Any(one => one.Value == call) && longest > most)
                throw new IOException($"a {FileMix.NameOf(call)} of {longest} bytes: the server's are of at most {most}");
        }
    }

    private async Task MakeFiles(NfsClient client, NfsPath path, CancellationToken cancellation)
    {
        await client.MakeDirectoryAsync(path, cancellationToken: cancellation).ConfigureAwait(false);
        NfsPath[] directories = [.. Enumerable.Range(0, Mix.Directories).Select(i => path.Combine(Bytes($"d{i}")))];
        byte[][] handles = new byte[directories.Length][];
        for (int i = 0; i < directories.Length; i++)
        {
            await client.MakeDirectoryAsync(directories[i], cancellationToken: cancellation).ConfigureAwait(false);
            handles[i] = (await client.LookupAsync(directories[i], cancellationToken: cancellation).ConfigureAwait(false)).Data;
        }

        TreeFile[] files = new TreeFile[Mix.Files];
        await ForEach(Enumerable.Range(0, files.Length), MakeFile, cancellation).ConfigureAwait(false);
        async Task MakeFile(int i)
        {
            byte[] name = Bytes($"file-{i:D6}");
            NfsFile file = await client.CreateAsync(directories[i % directories.Length].Combine(name), cancellationToken: cancellation).ConfigureAwait(false);
            await using (file.ConfigureAwait(false))
            {
                await file.WriteAsync(0, Content(i, 0, Mix.FileBytes).ToArray(), cancellation).ConfigureAwait(false);
                files[i] = new(handles[i % handles.Length], name, file.Handle.Data, (await file.StatAsync(cancellation).ConfigureAwait(false)).Fileid);
            }
        }

        Files = files;
        List<TreePage> pages = [];
        if (Mix.Calls.Any(call => call.Value == FileCall.Readdirplus))
        {
            foreach (byte[] handle in handles)
                pages.AddRange(await PagesOf(client, path, handle).ConfigureAwait(false));
        }

        Pages = [.. pages];
    }

    private static async Task<IEnumerable<TreePage>> PagesOf(NfsClient client, NfsPath path, byte[] directory)
    {
        List<byte[]> names = [];
        List<(ulong Cookie, byte[] Verifier, int First)> starts = [];
        (ulong cookie, byte[] verifier) = (0, new byte[Nfs3Constants.Nfs3Cookieverfsize]);
        while (true)
        {
            READDIRPLUS3res result = await client.Procedures.ReaddirplusAsync(new()
            {
                Dir = new() { Data = directory },
                Cookie = cookie,
                Cookieverf = verifier,
                Dircount = FileMix.ListBytes,
                Maxcount = FileMix.ListBytes,
            }).ConfigureAwait(false);
            Entryplus3[] entries = [.. result.Resok?.Reply.Entries ?? Enumerable.Empty<Entryplus3>()];
            if (entries.Length == 0 && result.Resok?.Reply.Eof != true)
                throw new NfsException("READDIRPLUS", path, result.Status == Nfsstat3.Nfs3Ok ? Nfsstat3.Nfs3errServerfault : result.Status);
            if (entries.Length > 0)
                starts.Add((cookie, verifier, names.Count));
            names.AddRange(entries.Select(entry => entry.Name));
            if (result.Resok!.Reply.Eof)
                break;
            (cookie, verifier) = (entries[^1].Cookie, result.Resok.Cookieverf);
        }

        byte[][] all = [.. names];
        return starts.Select(start => new TreePage(directory, start.Cookie, start.Verifier, all, start.First));
    }
}
