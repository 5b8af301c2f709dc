using System.Globalization;
using CommandLine;
using Multiplex.Cli.Options;
using Multiplex.Nfs.Client;
using Multiplex.Sockets;

namespace Multiplex.Cli.Files;

[Verb("nfs", HelpText = "Work with files on an NFS server without a mount: ls, cat, get, put, stat, df or find.")]
internal sealed class NfsOptions : IVerb
{
    private static readonly FileCommand[] s_commands =
    [
        new("ls", "URL …", 1, int.MaxValue, ["--long", "--recursive", "--follow"], ListCommand.Run),
        new("cat", "URL …", 1, int.MaxValue, ["--follow"], CatCommand.Run),
        new("get", "URL [FILE]", 1, 2, ["--follow"], GetCommand.Run),
        new("put", "FILE URL", 2, 2, [], PutCommand.Run),
        new("stat", "URL …", 1, int.MaxValue, ["--follow"], StatCommand.Run),
        new("df", "URL …", 1, int.MaxValue, [], DfCommand.Run),
        new("find", "URL …", 1, int.MaxValue, ["--name", "--type", "--follow"], FindCommand.Run),
    ];

    [Value(0, Required = true, MetaName = "ls|cat|get|put|stat|df|find", HelpText = "The command: ls URL …, cat URL …, get URL [FILE], put FILE URL, stat URL …, df URL … or find URL ….")]
    public string Command { get; set; } = "";

    [Value(1, MetaName = "URL|FILE", HelpText = $"URL: a file or directory on a server, {NfsUrl.Form}; %XX in it is a byte. FILE: a file of this machine; - is standard input or output.")]
    public IEnumerable<string> Arguments { get; set; } = [];

    [Section("Listing")]
    [Option('l', "long", HelpText = "ls: type and mode, links, owner, group, size, time of change and target of each.")]
    public bool Long { get; set; }

    [Option('R', "recursive", HelpText = "ls: directories below too.")]
    public bool Recursive { get; set; }

    [Option("name", MetaValue = "PATTERN", HelpText = "find: only names that match, with *, ?, [a-z], [!a-z] and \\ as in glob(7).")]
    public string? Name { get; set; }

    [Option("type", MetaValue = "f|d|l|b|c|p|s", HelpText = "find: only regular files, directories, symbolic links, block or character devices, FIFOs, or sockets.")]
    public string? Type { get; set; }

    [Section("Client")]
    [Option('L', "follow", HelpText = "Follow symbolic links in the paths given.")]
    public bool Follow { get; set; }

    [Option("uid", MetaValue = "N", HelpText = "The user to call as; by default that of this process.")]
    public string? Uid { get; set; }

    [Option("gid", MetaValue = "N", HelpText = "The group to call as; by default that of this process.")]
    public string? Gid { get; set; }

    [Option("udp", HelpText = "Call over UDP: each call is sent again until its reply comes.")]
    public bool Udp { get; set; }

    [Option("rpcbind", MetaValue = "ENDPOINT", HelpText = "The name service to ask where a URL has no port; by default the host's, at port 111.")]
    public string? NameServiceAt { get; set; }

    [Option("timeout", Default = "60s", MetaValue = "TIME", HelpText = "How long an operation may take, repeats while the server is down included.")]
    public string Timeout { get; set; } = "";

    public int Run()
    {
        FileCommand command = Values.Named("COMMAND", Command, s_commands, one => one.Name);
        string[] arguments = [.. Arguments];
        if (arguments.Length < command.Least || arguments.Length > command.Most)
            throw new UsageException($"nfs {Command}: write multiplex nfs {Command} {command.Form}");
        (string Name, bool IsGiven)[] some =
            [("--long", Long), ("--recursive", Recursive), ("--name", Name is not null), ("--type", Type is not null), ("--follow", Follow)];
        if (some.FirstOrDefault(one => one.IsGiven && !command.Options.Contains(one.Name)).Name is { } option)
            throw new UsageException($"{option} is not for {Command}, but for {string.Join(", ", s_commands.Where(one => one.Options.Contains(option)).Select(one => one.Name))}");
        FileSession session = new(this, new()
        {
            Uid = Id("--uid", Uid),
            Gid = Id("--gid", Gid),
            NameService = NameServiceAt is null ? null : Values.Endpoint("--rpcbind", NameServiceAt),
            Timeout = Values.PositiveTime("--timeout", Timeout),
            Transport = Udp ? EndpointKind.Udp : EndpointKind.Tcp,
        });
        return command.Run(session, arguments).GetAwaiter().GetResult() ? ExitStatus.Done : ExitStatus.Failed;
    }

    private static uint? Id(string option, string? text) => text is null ? null
        : uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out uint id) ? id
        : throw new UsageException($"{option} {text}: write a number from 0 to {uint.MaxValue}");
}
