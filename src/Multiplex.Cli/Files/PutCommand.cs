using System.Text;
using Microsoft.Win32.SafeHandles;
using Multiplex.Interop;
using Multiplex.Nfs.Client;
using Multiplex.Nfs.Protocol;

namespace Multiplex.Cli.Files;

/// <summary><c>put FILE URL</c>: a file copied to the server; it is on the server's disk when the command ends. Holes are not sent.</summary>
internal static class PutCommand
{
    private const uint UsualMode = 0x1A4;   // 0644

    public static async Task<bool> Run(FileSession session, string[] arguments)
    {
        if (NfsUrl.IsMeantBy(arguments[0]))
            throw new UsageException($"'{arguments[0]}' is on a server: write multiplex nfs put FILE URL");
        (string source, NfsUrl url) = (arguments[0], FileSession.Urls(arguments[1..])[0]);
        using SafeFileHandle file = source == "-" ? new(0, ownsHandle: false) : LocalFile.Read(Encoding.UTF8.GetBytes(source));
        if (LocalFile.ModeOf(file).Type == Libc.S_IFDIR)
            throw new UsageException($"FILE {source}: a directory; write a file");
        return await Put(session, source, url, file).ConfigureAwait(false);
    }

    private static async Task<bool> Put(FileSession session, string source, NfsUrl url, SafeFileHandle file) => await session.With(url, async (client, path) =>
    {
        (ushort type, uint permissions) = LocalFile.ModeOf(file);
        bool hasHoles = type == Libc.S_IFREG && source != "-";   // standard input may begin anywhere in a file
        uint mode = source == "-" ? UsualMode : permissions & 0x1FF;   // 0777
        NfsFile destination = await client.CreateAsync(await Destination(client, path, source).ConfigureAwait(false), mode).ConfigureAwait(false);
        await using (destination.ConfigureAwait(false))
        {
            byte[] buffer = new byte[destination.WriteSize];
            long offset = 0;
            while ((hasHoles ? LocalFile.NextData(file, offset) : offset) is { } data)
            {
                offset = data;
                int count = hasHoles ? RandomAccess.Read(file, buffer, offset) : ReadOn(file, buffer);
                if (count == 0)
                    break;
                await destination.WriteAsync(offset, buffer.AsMemory(0, count)).ConfigureAwait(false);
                offset += count;
            }

            if (hasHoles && RandomAccess.GetLength(file) is var length && length > offset)
                await destination.SetLengthAsync(length).ConfigureAwait(false);
            await destination.CommitAsync().ConfigureAwait(false);
        }
    }).ConfigureAwait(false);

    // The target in a directory has the name of the local file.
    private static async Task<NfsPath> Destination(NfsClient client, NfsPath path, string source)
    {
        if (path.Names() is [_, ..] && !path.Bytes.Span.EndsWith("/"u8))
        {
            try
            {
                if ((await client.StatAsync(path).ConfigureAwait(false)).Type != Ftype3.Nf3dir)
                    return path;
            }
            catch (NfsException e) when (e.Status == Nfsstat3.Nfs3errNoent)
            {
                return path;
            }
        }

        return source == "-"
            ? throw new IOException("standard input has no name: write one after the directory")
            : path.Combine(Encoding.UTF8.GetBytes(Path.GetFileName(source)));
    }

    // Fills the buffer: one read from a pipe may return less.
    private static int ReadOn(SafeFileHandle file, byte[] buffer)
    {
        int count = 0;
        while (count < buffer.Length)
        {
            int more = Libc.read((int)file.DangerousGetHandle(), buffer.AsSpan(count)).OrThrow("read", "standard input");
            if (more == 0)
                break;
            count += more;
        }

        return count;
    }
}
