using Multiplex.Cli.Options;
using Multiplex.Cli.Output;
using Multiplex.Nfs.Client;

namespace Multiplex.Cli.Files;

/// <summary>A command of <c>multiplex nfs</c>.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Form">Its arguments, as the usage shows them.</param>
/// <param name="Least">The least number of arguments.</param>
/// <param name="Most">The greatest number of arguments.</param>
/// <param name="Options">The options that this command has and not every other one.</param>
/// <param name="Run">Runs it; returns false when a part failed, after a message about the failure.</param>
internal sealed record FileCommand(string Name, string Form, int Least, int Most, string[] Options, Func<FileSession, string[], Task<bool>> Run);

/// <summary>What the commands share: options, and the client for each URL.</summary>
internal sealed class FileSession(NfsOptions options, NfsClientOptions client)
{
    public NfsOptions Options { get; } = options;

    /// <summary>Reads URLs.</summary>
    /// <exception cref="UsageException">An argument is not a URL.</exception>
    public static NfsUrl[] Urls(IEnumerable<string> texts) => [.. texts.Select(text => Values.Parsed("URL", text, NfsUrl.Parse))];

    /// <summary>Runs an action for each URL; after a failure it goes on with the next URL.</summary>
    /// <returns>Whether it succeeded for every URL.</returns>
    public async Task<bool> ForEach(NfsUrl[] urls, Func<NfsClient, NfsPath, NfsUrl, Task> act)
    {
        bool areDone = true;
        foreach (NfsUrl url in urls)
            areDone &= await With(url, (mounted, path) => act(mounted, path, url)).ConfigureAwait(false);
        return areDone;
    }

    /// <summary>Mounts the export that a URL is in, acts, and unmounts it.</summary>
    /// <returns>Whether it succeeded; if not, it has written one line with the reason to standard error.</returns>
    public async Task<bool> With(NfsUrl url, Func<NfsClient, NfsPath, Task> act)
    {
        try
        {
            (NfsClient mounted, NfsPath path) = await NfsClient.ConnectAboveAsync(url, client).ConfigureAwait(false);
            await using (mounted.ConfigureAwait(false))
            {
                await act(mounted, path).ConfigureAwait(false);
                await mounted.DisconnectAsync().ConfigureAwait(false);
            }

            return true;
        }
        catch (IOException e)
        {
            StandardStream.Error.WriteLine($"multiplex: {Printable.Of($"nfs {Options.Command} {url}: {e.Message}")}");
            return false;
        }
    }
}
