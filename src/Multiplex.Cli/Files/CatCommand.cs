using Multiplex.Cli.Output;
using Multiplex.Nfs.Client;

namespace Multiplex.Cli.Files;

/// <summary><c>cat URL …</c>: the bytes of files on standard output.</summary>
internal static class CatCommand
{
    public static Task<bool> Run(FileSession session, string[] arguments) => session.ForEach(FileSession.Urls(arguments), async (client, path, _) =>
    {
        NfsFile file = await client.OpenAsync(path, session.Options.Follow).ConfigureAwait(false);
        await foreach (ReadOnlyMemory<byte> part in file.ReadAllAsync().ConfigureAwait(false))
            StandardStream.Output.Write(part.Span);
    });
}
