using Multiplex.Cli.Output;
using Multiplex.Nfs.Protocol;

namespace Multiplex.Cli.Files;

/// <summary><c>df URL …</c>: the size of file systems, the used space, and the space available to the caller, in KiB and in files.</summary>
internal static class DfCommand
{
    public static async Task<bool> Run(FileSession session, string[] arguments)
    {
        List<string[]> rows = [];
        bool areDone = await session.ForEach(FileSession.Urls(arguments), async (client, path, url) =>
        {
            FSSTAT3resok all = await client.FileSystemAsync(path).ConfigureAwait(false);
            ulong used = all.Tbytes - Math.Min(all.Fbytes, all.Tbytes), usedFiles = all.Tfiles - Math.Min(all.Ffiles, all.Tfiles);
            rows.Add([Printable.Of($"{url}"), KiB(all.Tbytes), KiB(used), KiB(all.Abytes), Share(used, all.Abytes), $"{all.Tfiles}", $"{usedFiles}", $"{all.Afiles}"]);
        }).ConfigureAwait(false);
        if (rows.Count > 0)
            Terminal.WriteTable(["file system", "KiB", "used", "available", "use", "files", "used files", "available files"], rows);
        return areDone;

        static string KiB(ulong bytes) => $"{bytes / 1024}";
    }

    // As in df(1): used / (used + available to the caller).
    private static string Share(ulong used, ulong available) =>
        used + available == 0 ? "-" : $"{Math.Ceiling(100.0 * used / ((double)used + available)):0} %";
}
