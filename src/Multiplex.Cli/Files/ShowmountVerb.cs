using CommandLine;
using Multiplex.Cli.Options;
using Multiplex.Cli.Output;
using Multiplex.Nfs.Client;
using Multiplex.Sockets;

namespace Multiplex.Cli.Files;

[Verb("showmount", HelpText = "Show what an NFS server exports, or which hosts have mounted it: the MOUNT protocol.")]
internal sealed class ShowmountOptions : IVerb
{
    [Value(0, MetaName = "HOST[:PORT]", HelpText = "The server. Without a port, its name service is asked for MOUNT. Without a host, this machine.")]
    public string? Host { get; set; }

    [Option('e', "exports", HelpText = "The exported directories, and which hosts may mount them: what is shown without an option.")]
    public bool Exports { get; set; }

    [Option('a', "all", HelpText = "Which host has mounted which directory, by the word of the hosts.")]
    public bool All { get; set; }

    [Option('d', "directories", HelpText = "The directories that some host has mounted.")]
    public bool Directories { get; set; }

    [Option("no-headers", HelpText = "Without the line above the list.")]
    public bool NoHeaders { get; set; }

    [Option("udp", HelpText = "Call over UDP: each call is sent again until its reply comes.")]
    public bool Udp { get; set; }

    [Option("rpcbind", MetaValue = "ENDPOINT", HelpText = "The name service to ask where no port is given; by default the host's, at port 111.")]
    public string? NameServiceAt { get; set; }

    [Option("timeout", Default = "10s", MetaValue = "TIME", HelpText = "How long to connect, and how long to wait for a reply.")]
    public string Timeout { get; set; } = "";

    public int Run()
    {
        if ((Exports ? 1 : 0) + (All ? 1 : 0) + (Directories ? 1 : 0) > 1)
            throw new UsageException("write one of --exports, --all and --directories");
        (string host, int? port) = Values.Parsed("HOST", Host ?? "localhost", NfsUrl.ParseHost);
        TimeSpan timeout = Values.PositiveTime("--timeout", Timeout);
        NfsClientOptions options = new()
        {
            NameService = NameServiceAt is null ? null : Values.Endpoint("--rpcbind", NameServiceAt),
            ConnectTimeout = timeout,
            Timeout = timeout,
            Transport = Udp ? EndpointKind.Udp : EndpointKind.Tcp,
        };
        (string header, IEnumerable<string> lines) = Ask(host, port, options).GetAwaiter().GetResult();
        foreach (string line in NoHeaders ? lines : lines.Prepend(header))
            StandardStream.Output.WriteLine(Printable.Of(line));
        return ExitStatus.Done;
    }

    private async Task<(string Header, IEnumerable<string> Lines)> Ask(string host, int? port, NfsClientOptions options)
    {
        await using MountClient mount = await MountClient.ConnectAsync(host, port, options).ConfigureAwait(false);
        if (All)
            return ($"All mount points on {host}:", [.. (await mount.MountsAsync().ConfigureAwait(false)).Select(one => $"{one.Host}:{one.Directory}").Order(StringComparer.Ordinal)]);
        if (Directories)
        {
            IEnumerable<string> directories = (await mount.MountsAsync().ConfigureAwait(false)).Select(one => $"{one.Directory}");
            return ($"Directories on {host}:", [.. directories.Distinct().Order(StringComparer.Ordinal)]);
        }

        IReadOnlyList<(NfsPath Directory, IReadOnlyList<NfsPath> Groups)> exports = await mount.ExportsAsync().ConfigureAwait(false);
        int width = exports.Select(one => $"{one.Directory}".Length).DefaultIfEmpty().Max();
        return ($"Export list for {host}:", [.. exports.Select(one => $"{one.Directory}".PadRight(width) + " " + (one.Groups.Count == 0 ? "*" : string.Join(',', one.Groups)))]);
    }
}
