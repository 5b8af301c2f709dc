using System.Text;
using Microsoft.Win32.SafeHandles;
using Multiplex.Interop;
using Multiplex.Nfs.Client;

namespace Multiplex.Cli.Files;

/// <summary><c>get URL [FILE]</c>: a file copied from the server. Blocks of zeros become holes.</summary>
internal static class GetCommand
{
    public static Task<bool> Run(FileSession session, string[] arguments)
    {
        NfsUrl url = FileSession.Urls(arguments[..1])[0];
        if (arguments is [_, "-"])
            return CatCommand.Run(session, arguments[..1]);
        byte[] destination = Destination(url, arguments.ElementAtOrDefault(1) ?? ".");
        return session.With(url, async (client, path) =>
        {
            // The remote file is opened first: if it cannot be read, no local file is made.
            NfsFile source = await client.OpenAsync(path, session.Options.Follow).ConfigureAwait(false);
            uint mode = (await source.StatAsync().ConfigureAwait(false)).Mode & 0x1FF;   // 0777
            await using IAsyncEnumerator<ReadOnlyMemory<byte>> parts = source.ReadAllAsync().GetAsyncEnumerator();
            bool hasPart = await parts.MoveNextAsync().ConfigureAwait(false);
            using SafeFileHandle file = LocalFile.Create(destination, mode);
            bool mayHaveHoles = LocalFile.ModeOf(file).Type == Libc.S_IFREG;
            long offset = 0;
            for (; hasPart; hasPart = await parts.MoveNextAsync().ConfigureAwait(false))
            {
                if (!mayHaveHoles || parts.Current.Span.ContainsAnyExcept((byte)0))
                    RandomAccess.Write(file, parts.Current.Span, offset);
                offset += parts.Current.Length;
            }

            if (mayHaveHoles)
                RandomAccess.SetLength(file, offset);
        });
    }

    private static byte[] Destination(NfsUrl url, string file)
    {
        if (!Directory.Exists(file))
            return Encoding.UTF8.GetBytes(file);
        return url.Path.Names() is [.., var name] ? (byte[])[.. Encoding.UTF8.GetBytes(file.TrimEnd('/')), (byte)'/', .. name]
            : throw new UsageException($"{url}: the URL names no file");
    }
}
