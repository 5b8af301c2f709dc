using CommandLine;
using Multiplex.Check;
using Multiplex.Check.Calls;
using Multiplex.Cli.Loading;
using Multiplex.Cli.Options;
using Multiplex.Cli.Output;
using Multiplex.Demo;
using Multiplex.Load.Comparison;
using Multiplex.Sockets;

namespace Multiplex.Cli;

[Verb("check", HelpText = "Check any echo or ONC RPC server, in any language: whether it is concurrent, and what it does with partial reads, ends, slow and vanishing clients.")]
internal sealed class CheckVerbOptions : IVerb
{
    [Section("The server")]
    [Option("connect", MetaValue = "ENDPOINT", HelpText = "Where it listens: tcp://HOST:PORT or unix:PATH; with --protocol rpc also udp://HOST:PORT.")]
    public string? Connect { get; set; }

    [Option("pid", MetaValue = "N", HelpText = "Its first process, on this machine: to look for descriptors, zombies and CPU time of it and its children.")]
    public int? Process { get; set; }

    [Option("command", MetaValue = "'COMMAND'", HelpText = "Start it instead, for each check anew: a shell command with {port} where the TCP port belongs, which stays in the foreground.")]
    public string? Command { get; set; }

    [Option("protocol", Default = "echo", MetaValue = "PROTOCOL", HelpText = "echo: every byte comes back (RFC 862); rpc: ONC RPC (RFC 5531).")]
    public string Protocol { get; set; } = "";

    [Option("program", MetaValue = "PROGRAM/VERSION", HelpText = "With --protocol rpc: the program that it serves, such as nfs/3; that of multiplex.x by default.")]
    public string? Program { get; set; }

    [Option("procedure", MetaValue = "N", HelpText = "With --program: a procedure of it that takes arguments, to call it without any. Its call does nothing, as it cannot be decoded.")]
    public uint? Procedure { get; set; }

    [Section("The checks")]
    [Option("checks", MetaValue = "CHECK,…", HelpText = "echo: echo, any-byte, byte-by-byte, pipelined, large, half-close, concurrency, many-at-once, isolation, slow-reader, beside-slow-reader, one-after-another, vanishing, descriptors, zombies, idle, restart. rpc: null, unknown-program, unknown-version, unknown-procedure, garbage-arguments, rpc-version, byte-by-byte, pipelined, fragments, half-close, huge-record, and those of echo from concurrency on but for isolation; over udp:// retransmission, no-call, many-peers. All by default.")]
    public string? Checks { get; set; }

    [Option("timeout", Default = "5s", MetaValue = "TIME", HelpText = "The longest wait for bytes, a connection or an end.")]
    public string Timeout { get; set; } = "";

    [Section("Results")]
    [Option("json", MetaValue = "FILE", HelpText = "Write the results as JSON; - is standard output, in place of the table.")]
    public string? Json { get; set; }

    public int Run()
    {
        CheckOptions options = Options();
        CheckTable table = new(options.Suite);
        using ResultFiles files = new(("--json", Json));
        using Interruption interruption = new();
        CheckReport report;
        try
        {
            report = Checker.Run(options, result => Show(files, () => table.Row(result)), interruption.Token);
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
        Values.Named("--protocol", Protocol, CheckSuite.Protocols, name => name);
        bool isRpc = Protocol != CheckSuite.Echo.Protocol;
        if (!isRpc && (Program ?? $"{Procedure}").Length > 0)
            throw new UsageException("--program and --procedure need --protocol rpc");
        if (Procedure is not null && Program is null)
            throw new UsageException("--procedure needs --program PROGRAM/VERSION, of which it is a procedure");
        if (Connect is null == Command is null)
            throw new UsageException("write --connect ENDPOINT of a server that runs, or --command 'COMMAND {port}' to start one");
        if (Command is not null && Process is not null)
            throw new UsageException("--pid: with --command it is known; leave it out");
        if (Command is not null && !Command.Contains(PeerTarget.PortMark, StringComparison.Ordinal))
            throw new UsageException($"--command {Command}: write {PeerTarget.PortMark} where the port belongs");
        Endpoint? endpoint = Connect is null ? null : Values.Endpoint("--connect", Connect);
        if (endpoint?.Kind.IsStream() == false && !(isRpc && endpoint.Kind == EndpointKind.Udp))
            throw new UsageException($"--connect {Connect}: write tcp://HOST:PORT or unix:PATH{(isRpc ? ", or udp://HOST:PORT" : "; udp://HOST:PORT goes with --protocol rpc")}");
        if (Process is { } process && !Directory.Exists($"/proc/{Values.Number("--pid", process, 1, int.MaxValue)}"))
            throw new UsageException($"--pid {process}: there is no such process");
        CheckSuite suite = !isRpc ? CheckSuite.Echo : endpoint?.Kind.IsDatagram() == true ? CheckSuite.RpcOverDatagrams(ChosenProgram()) : CheckSuite.RpcOverStreams(ChosenProgram());
        return new()
        {
            Endpoint = endpoint,
            Process = Process,
            Command = Command,
            Timeout = Values.PositiveTime("--timeout", Timeout),
            Suite = suite,
            Checks = Checks is null ? null : Chosen(Checks, suite),
        };
    }

    // In the order in which the checks run, not the order in which the option names them.
    private static IReadOnlyList<ServerCheck> Chosen(string names, CheckSuite suite)
    {
        ServerCheck[] chosen = [.. names.Split(',').Select(name => Values.Named("--checks", name, suite.Checks, check => check.Name))];
        return [.. suite.Checks.Where(chosen.Contains)];
    }

    private CheckedProgram ChosenProgram()
    {
        if (Program is null)
            return new(MultiplexV1.Program, MultiplexV1.Version, (uint)MultiplexV1Procedure.Echo);
        (uint number, uint version) = Values.ProgramAndVersion("--program", Program);
        return new(number, version, Procedure);
    }
}
