using System.Text;
using Multiplex.Cli.Options;
using Multiplex.Cli.Output;
using Multiplex.Nfs.Client;
using Multiplex.Nfs.Protocol;

namespace Multiplex.Cli.Files;

/// <summary><c>find URL …</c>: the paths of all files below directories, in the order of the server's lists.</summary>
internal static class FindCommand
{
    public static Task<bool> Run(FileSession session, string[] arguments)
    {
        char? type = session.Options.Type is { } letter ? Values.Named("--type", letter, "fdlbcps", one => $"{one}") : null;
        byte[]? pattern = session.Options.Name is { } name ? Encoding.UTF8.GetBytes(name) : null;
        return session.ForEach(FileSession.Urls(arguments), async (client, path, url) =>
        {
            Fattr3 top = await client.StatAsync(path, session.Options.Follow).ConfigureAwait(false);
            Show(url.Path, url.Path.Names() is [.., var last] ? last : [], top.Type);
            Stack<(NfsPath Path, NfsPath Shown)> ahead = [];
            if (top.Type == Ftype3.Nf3dir)
                ahead.Push((path, url.Path));
            while (ahead.TryPop(out (NfsPath Path, NfsPath Shown) directory))
            {
                await foreach (NfsEntry listed in client.ListAsync(directory.Path, session.Options.Follow).ConfigureAwait(false))
                {
                    NfsEntry entry = await ListCommand.WithAttributes(client, directory.Path, listed, areWanted: true).ConfigureAwait(false);
                    NfsPath shown = directory.Shown.Combine(entry.Name);
                    if (entry.Attributes is not { } file)
                        continue;   // removed meanwhile
                    Show(shown, entry.Name, file.Type);
                    if (file.Type == Ftype3.Nf3dir)
                        ahead.Push((directory.Path.Combine(entry.Name), shown));
                }
            }
        });

        void Show(NfsPath shown, byte[] ownName, Ftype3 ofType)
        {
            if ((type is null || FileText.TypeOf(ofType).Letter == type) && (pattern is null || Glob.Matches(pattern, ownName)))
                StandardStream.Output.WriteLine(Printable.Of($"{shown}"));
        }
    }
}
