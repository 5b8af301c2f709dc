using System.Text;
using Multiplex.Cli.Output;
using Multiplex.Nfs.Client;
using Multiplex.Nfs.Protocol;

namespace Multiplex.Cli.Files;

/// <summary><c>ls URL …</c>: the entries of directories, sorted by the bytes of their names.</summary>
internal static class ListCommand
{
    public static Task<bool> Run(FileSession session, string[] arguments)
    {
        NfsUrl[] urls = FileSession.Urls(arguments);
        bool isFirst = true, hasHeaders = urls.Length > 1 || session.Options.Recursive;
        return session.ForEach(urls, async (client, path, url) =>
        {
            NfsOptions options = session.Options;
            Fattr3 file = await client.StatAsync(path, options.Follow).ConfigureAwait(false);
            if (file.Type != Ftype3.Nf3dir)
            {
                await Write(client, path, [new(url.Path.Bytes.ToArray(), file.Fileid, file, null)], options.Long, isName: false).ConfigureAwait(false);
                isFirst = false;
                return;
            }

            Stack<(NfsPath Path, NfsPath Shown)> ahead = [];
            ahead.Push((path, url.Path));
            while (ahead.TryPop(out (NfsPath Path, NfsPath Shown) directory))
            {
                List<NfsEntry> entries = [];
                await foreach (NfsEntry entry in client.ListAsync(directory.Path, options.Follow).ConfigureAwait(false))
                    entries.Add(await WithAttributes(client, directory.Path, entry, options.Long || options.Recursive).ConfigureAwait(false));
                entries.Sort((one, other) => one.Name.AsSpan().SequenceCompareTo(other.Name));
                if (hasHeaders)
                    StandardStream.Output.WriteLine($"{(isFirst ? "" : "\n")}{Printable.Of($"{directory.Shown}")}:");
                isFirst = false;
                await Write(client, directory.Path, entries, options.Long, isName: true).ConfigureAwait(false);
                foreach (NfsEntry entry in Enumerable.Reverse(entries).Where(one => options.Recursive && one.Attributes?.Type == Ftype3.Nf3dir))
                    ahead.Push((directory.Path.Combine(entry.Name), directory.Shown.Combine(entry.Name)));
            }
        });
    }

    /// <summary>The entry with its attributes, which a server may leave out of the list; without attributes if the file was removed meanwhile.</summary>
    public static async ValueTask<NfsEntry> WithAttributes(NfsClient client, NfsPath directory, NfsEntry entry, bool areWanted)
    {
        if (entry.Attributes is not null || !areWanted)
            return entry;
        try
        {
            return entry with { Attributes = await client.StatAsync(directory.Combine(entry.Name)).ConfigureAwait(false) };
        }
        catch (NfsException e) when (e.Status is Nfsstat3.Nfs3errNoent or Nfsstat3.Nfs3errStale)
        {
            return entry;
        }
    }

    private static async Task Write(NfsClient client, NfsPath directory, List<NfsEntry> entries, bool isLong, bool isName)
    {
        StringBuilder text = new();
        if (!isLong)
        {
            foreach (NfsEntry entry in entries)
                text.Append(Printable.Of($"{entry}")).Append('\n');
            StandardStream.Output.Write(text.ToString());
            return;
        }

        Fattr3[] known = [.. entries.Select(entry => entry.Attributes).OfType<Fattr3>()];
        int links = Width(one => one.Nlink), users = Width(one => one.Uid), groups = Width(one => one.Gid), sizes = Width(one => one.Size);
        foreach (NfsEntry entry in entries)
        {
            if (entry.Attributes is { } file)
            {
                text.Append($"{FileText.Mode(file)} {$"{file.Nlink}".PadLeft(links)} {$"{file.Uid}".PadLeft(users)} {$"{file.Gid}".PadLeft(groups)} ");
                text.Append($"{$"{file.Size}".PadLeft(sizes)} {FileText.Time(file.Mtime)} ");
            }

            text.Append(Printable.Of($"{entry}"));
            if (entry.Attributes?.Type == Ftype3.Nf3lnk)
            {
                byte[] target = await client.ReadLinkAsync(isName ? directory.Combine(entry.Name) : directory).ConfigureAwait(false);
                text.Append($" -> {Printable.Of(NfsPath.TextOf(target))}");
            }

            text.Append('\n');
        }

        StandardStream.Output.Write(text.ToString());

        int Width(Func<Fattr3, ulong> figure) => known.Select(one => $"{figure(one)}".Length).DefaultIfEmpty().Max();
    }
}
