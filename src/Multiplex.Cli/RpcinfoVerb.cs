using System.Globalization;
using CommandLine;
using Multiplex.Cli.Options;
using Multiplex.Cli.Output;
using Multiplex.Rpc;
using Multiplex.Rpc.Binding;
using Multiplex.Rpc.Client;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;
using Spectre.Console;

namespace Multiplex.Cli;

[Verb("rpcinfo", HelpText = "List what a host's name service knows; or call procedure 0 of a program that it knows: HOST PROGRAM [VERSION].")]
internal sealed class RpcinfoOptions : IVerb
{
    [Value(0, MetaName = "HOST", HelpText = "The host; without it, this machine.")]
    public string? Host { get; set; }

    [Value(1, MetaName = "PROGRAM", HelpText = "The program to ping: its number, or its name in /etc/rpc.")]
    public string? Program { get; set; }

    [Value(2, MetaName = "VERSION", HelpText = "The version to ping; without it, each that is registered.")]
    public string? Version { get; set; }

    [Option("rpcbind", MetaValue = "ENDPOINT", HelpText = "The name service to ask; by default the host's, at port 111.")]
    public string? NameServiceAt { get; set; }

    [Option("timeout", Default = "10s", MetaValue = "TIME", HelpText = "How long to connect, over all addresses of a host, and how long to wait for a reply.")]
    public string Timeout { get; set; } = "";

    public int Run()
    {
        TimeSpan timeout = Values.PositiveTime("--timeout", Timeout);
        uint? program = Program is null ? null : Values.Program("PROGRAM", Program);
        uint? version = Version is null ? null
            : uint.TryParse(Version, NumberStyles.None, CultureInfo.InvariantCulture, out uint number) ? number
            : throw new UsageException($"VERSION {Version}: write a number");
        using NameServiceClient names = NameServiceAt is not null ? new(Values.Endpoint("--rpcbind", NameServiceAt), timeout)
            : Host is null ? NameServiceClient.OfThisMachine(timeout)
            : NameServiceClient.OfHost(Host.Trim('[', ']'), timeout);
        IReadOnlyList<Registration> registered = names.Dump();
        if (program is not null)
            return Ping(names, registered, program.Value, version, timeout);
        List(registered);
        return ExitStatus.Done;
    }

    private static void List(IReadOnlyList<Registration> registered)
    {
        Table table = Terminal.Table("program", "version", "netid", "address", "name", "owner");
        foreach (TableColumn column in table.Columns)
            column.LeftAligned();
        foreach (Registration one in registered.OrderBy(one => (one.Program, one.Version)))
        {
            string?[] row = [$"{one.Program}", $"{one.Version}", one.Netid, one.Address, ProgramNames.Of(one.Program), one.Owner];
            table.AddRow([.. row.Select(cell => Markup.Escape(Printable.Of(cell ?? "")))]);
        }

        Terminal.Output.Write(table);
    }

    private static int Ping(NameServiceClient names, IReadOnlyList<Registration> registered, uint program, uint? version, TimeSpan timeout)
    {
        Registration[] ofProgram = [.. registered.Where(one => one.Program == program)];
        Registration[] wanted = [.. ofProgram.Where(one => version is null || one.Version == version).Where(IsNear)];
        string name = ProgramNames.Of(program) ?? $"{program}";
        if (wanted.Length == 0)
        {
            string others = string.Join(", ", ofProgram.Where(IsNear).Select(one => $"version {one.Version} over {one.Netid}").Distinct());
            throw new IOException($"{name}{(version is null ? "" : $" version {version}")} is not registered at {names.Service}"
                + (others.Length == 0 ? ": start its server with --register" : $": there is {others}"));
        }

        bool allReady = true;
        foreach (Registration one in wanted)
        {
            string answer = PingOne(names, one, timeout);
            allReady &= answer == Ready;
            StandardStream.Output.WriteLine(Printable.Of($"{name} version {one.Version} over {one.Netid} at {one.Address}: {answer}"));
        }

        return allReady ? ExitStatus.Done : ExitStatus.Failed;

        // Only over the address family by which the name service is reached; over all families if it is on this machine.
        bool IsNear(Registration one) => !names.Service.Kind.IsInternet() || Netid.Find(one.Netid) is { } netid
            && netid.Kind.IsInternet() && netid.IsIPv6 == names.Service.Host.Contains(':');
    }

    private const string Ready = "ready and waiting";

    private static string PingOne(NameServiceClient names, Registration one, TimeSpan timeout)
    {
        if (one.Endpoint is not { } endpoint)
            return "its address makes no sense";
        try
        {
            Endpoint server = names.Service.Kind.IsInternet()
                ? UniversalAddress.Reached(endpoint, names.Service.Host)
                : UniversalAddress.ReachedHere(endpoint);
            using RpcClient client = new(server, new() { Timeout = timeout, ConnectTimeout = timeout });
            return client.Call<object?, string>(
                new RpcProcedure(one.Program, one.Version, 0), null, static (_, _) => { }, static (ref XdrReader _) => Ready);
        }
        catch (IOException e)
        {
            return e.Message;
        }
    }
}
