using CommandLine;
using Multiplex.Check;
using Multiplex.Cli.Loading;
using Multiplex.Cli.Options;
using Multiplex.Cli.Output;
using Multiplex.Load.Comparison;
using Multiplex.Sockets;

namespace Multiplex.Cli;

[Verb("check", HelpText = "Check any echo server, in any language: whether it is concurrent, and what it does with partial reads, ends, slow and vanishing clients.")]
internal sealed class CheckVerbOptions : IVerb
{
    private static readonly string[] s_protocols = ["echo"];

    [Section("The server")]
    [Option("connect", MetaValue = "ENDPOINT", HelpText = "Where it listens: tcp://HOST:PORT or unix:PATH.")]
    public string? Connect { get; set; }

    [Option("pid", MetaValue = "N", HelpText = "Its first process, on this machine: to look for descriptors, zombies and CPU time of it and its children.")]
    public int? Process { get; set; }

    [Option("command", MetaValue = "'COMMAND'", HelpText = "Start it instead, for each check anew: a shell command with {port} where the TCP port belongs, which stays in the foreground.")]
    public string? Command { get; set; }

    [Option("protocol", Default = "echo", MetaValue = "PROTOCOL", HelpText = "echo: every byte comes back (RFC 862).")]
    public string Protocol { get; set; } = "";

    [Section("The checks")]
    [Option("checks", MetaValue = "CHECK,…", HelpText = "echo, any-byte, byte-by-byte, pipelined, large, half-close, concurrency, many-at-once, isolation, slow-reader, beside-slow-reader, one-after-another, vanishing, descriptors, zombies, idle, restart; all of them by default.")]
    public string? Checks { get; set; }

    [Option("timeout", Default = "5s", MetaValue = "TIME", HelpText = "The longest wait for bytes, a connection or an end.")]
    public string Timeout { get; set; } = "";

    [Section("Results")]
    [Option("json", MetaValue = "FILE", HelpText = "Write the results as JSON; - is standard output, in place of the table.")]
    public string? Json { get; set; }

    public int Run()
    {
        CheckOptions options = Options();
        using ResultFiles files = new(("--json", Json));
        using Interruption interruption = new();
        CheckReport report;
        try
        {
            report = Checker.Run(options, result => Show(files, () => CheckTable.Row(result)), interruption.Token);
        }
        catch (OperationCanceledException)
        {
            StandardStream.Error.WriteLine("multiplex: check was interrupted before its last check");
            return ExitStatus.Interrupted;
        }

        Show(files, () => CheckTable.Sum(report));
        bool isWritten = files.Write(("--json", report.ToJson));
        return report.Faults > 0 || !isWritten ? ExitStatus.Failed : ExitStatus.Done;
    }

    private static void Show(ResultFiles files, Action show)
    {
        if (!files.UseStandardOutput)
            show();
    }

    private CheckOptions Options()
    {
        Values.Named("--protocol", Protocol, s_protocols, name => name);
        if (Connect is null == Command is null)
            throw new UsageException("write --connect ENDPOINT of a server that runs, or --command 'COMMAND {port}' to start one");
        if (Command is not null && Process is not null)
            throw new UsageException("--pid: with --command it is known; leave it out");
        if (Command is not null && !Command.Contains(PeerTarget.PortMark, StringComparison.Ordinal))
            throw new UsageException($"--command {Command}: write {PeerTarget.PortMark} where the port belongs");
        Endpoint? endpoint = Connect is null ? null : Values.Endpoint("--connect", Connect);
        if (endpoint?.Kind.IsStream() == false)
            throw new UsageException($"--connect {Connect}: check is for streams; write tcp://HOST:PORT or unix:PATH");
        if (Process is { } process && !Directory.Exists($"/proc/{Values.Number("--pid", process, 1, int.MaxValue)}"))
            throw new UsageException($"--pid {process}: there is no such process");
        return new()
        {
            Endpoint = endpoint,
            Process = Process,
            Command = Command,
            Timeout = Values.PositiveTime("--timeout", Timeout),
            Checks = Checks is null ? ServerCheck.All : Chosen(Checks),
        };
    }

    // In the order in which they are made, whatever the order in which they are named.
    private static IReadOnlyList<ServerCheck> Chosen(string names)
    {
        ServerCheck[] chosen = [.. names.Split(',').Select(name => Values.Named("--checks", name, ServerCheck.All, check => check.Name))];
        return [.. ServerCheck.All.Where(chosen.Contains)];
    }
}
