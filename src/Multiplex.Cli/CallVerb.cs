using System.Diagnostics;
using System.Globalization;
using System.Text;
using CommandLine;
using Multiplex.Cli.Engines;
using Multiplex.Cli.Options;
using Multiplex.Cli.Output;
using Multiplex.Demo;
using Multiplex.Interop;
using Multiplex.Rpc.Binding;
using Multiplex.Rpc.Client;
using Multiplex.Rpc.Messages;
using Multiplex.Sockets;
using Multiplex.Tls;

namespace Multiplex.Cli;

[Verb("call", HelpText = "Call one procedure: null, echo TEXT, sleep MILLISECONDS, burn MICROSECONDS, add NUMBER or whoami.")]
internal sealed class CallOptions : TlsClientVerb, IVerb
{
    private static readonly (string Name, Func<RpcAuthentication> Make)[] s_credentials =
        [("none", () => RpcAuthentication.None), ("sys", RpcAuthentication.Sys)];

    private static readonly TimeSpan s_least = TimeSpan.FromMilliseconds(1);

    [Value(0, Required = true, MetaName = "ENDPOINT", HelpText = $"The server: {Endpoint.Forms}; or {RemoteProgram.Form}, which its host's name service finds; or {FleetEngines.ProgramForm}, one of many servers, which etcd finds.")]
    public string Server { get; set; } = "";

    [Value(1, Required = true, MetaName = "PROCEDURE", HelpText = "null, echo, sleep, burn, add or whoami.")]
    public string Procedure { get; set; } = "";

    [Value(2, MetaName = "ARGUMENT", HelpText = "What the procedure takes.")]
    public IEnumerable<string> Arguments { get; set; } = [];

    [Option("rpcbind", MetaValue = "ENDPOINT", HelpText = "The name service to ask for an rpc:// program; by default its host's, at port 111.")]
    public string? NameServiceAt { get; set; }

    [Option("auth", Default = "none", MetaValue = "none|sys", HelpText = "The credential: none, or sys: AUTH_SYS with this machine's name, user and groups.")]
    public string Authentication { get; set; } = "";

    [Option("timeout", Default = "25s", MetaValue = "TIME", HelpText = "How long all of it may take: to find the program, to connect to any of the host's addresses, and to get the reply.")]
    public string Timeout { get; set; } = "";

    public int Run()
    {
        TimeSpan timeout = Values.PositiveTime("--timeout", Timeout);
        MultiplexV1Procedure procedure = Values.Named(
            "PROCEDURE", Procedure, Enum.GetValues<MultiplexV1Procedure>(), one => one.ToString().ToLowerInvariant());
        bool isOfFleet = FleetEngines.IsProgram(Server);
        if (isOfFleet)
            UsageException.ThrowIfGiven($"{FleetEngines.Shown(Server)} names where to ask; leave it out", ("--rpcbind", NameServiceAt));
        RemoteProgram? program = !isOfFleet && RemoteProgram.IsMeantBy(Server) ? Meant(procedure) : null;
        Endpoint? names = NameServiceAt is null ? null : Values.Endpoint("--rpcbind", NameServiceAt);
        Endpoint? endpoint = program is null && !isOfFleet ? Values.Endpoint("ENDPOINT", Server) : null;
        Func<MultiplexV1Client, RpcCallOptions, string>? call = Prepare(procedure);
        RpcAuthentication authentication = Values.Named("--auth", Authentication, s_credentials, one => one.Name).Make();
        TlsClientOptions? tls = ReadTls(Server, endpoint, endpoint?.Host ?? program?.Host ?? "");
        Stopwatch elapsed = Stopwatch.StartNew();
        string result = "";
        try
        {
            IReadOnlyList<FleetServer> servers = isOfFleet ? OfFleet(procedure, timeout)
                : program is null ? [new(endpoint!, MultiplexV1.Program, MultiplexV1.Version)]
                : [Located(program, names, timeout)];
            (uint number, uint version) = (servers[0].Program, servers[0].Version);
            using RpcClient client = Connect(servers, tls, () => new()
            {
                Authentication = authentication,
                Timeout = timeout,
                ConnectTimeout = Left(),
                Tls = tls,
                TlsProgram = (number, version),
            });
            RpcCallOptions options = new() { Timeout = Left() };
            if (call is null)
                client.Call<byte>(new(number, version, 0), 0, MultiplexV1Client.WriteNothing, options);
            else
                result = call(new(client), options);
        }
        catch (RpcTimeoutException)
        {
            throw new IOException($"call {Server}: no reply in {timeout.TotalSeconds:0.###} s: the server is down or hangs, or what was sent is lost");
        }
        catch (IOException e)
        {
            throw new IOException($"{e.Message} (after {elapsed.Elapsed.TotalSeconds:0.###} s)", e);
        }

        if (result.Length > 0)
            StandardStream.Output.WriteLine(Printable.Of(result));
        return ExitStatus.Done;

        TimeSpan Left() => timeout - elapsed.Elapsed is var left && left > s_least ? left : s_least;
    }

    private static FleetServer Located(RemoteProgram program, Endpoint? names, TimeSpan timeout)
    {
        (Endpoint server, uint version) = program.Locate(names, timeout);
        return new(server, program.Program, version);
    }

    private IReadOnlyList<FleetServer> OfFleet(MultiplexV1Procedure procedure, TimeSpan timeout)
    {
        IReadOnlyList<FleetServer> servers = FleetEngines.Locate("ENDPOINT", Server, timeout);
        return procedure == MultiplexV1Procedure.Null || servers[0] is { Program: MultiplexV1.Program, Version: MultiplexV1.Version }
            ? servers
            : throw new UsageException($"{Procedure}: of {Server} only the procedure null is known, the others are those of multiplex.x");
    }

    // To the first that takes a connection: the registrations of those that died a moment ago may still be there.
    private RpcClient Connect(IReadOnlyList<FleetServer> servers, TlsClientOptions? tls, Func<RpcClientOptions> how)
    {
        for (int i = 0; ; i++)
        {
            CheckFound("call", Server, servers[i].Endpoint, tls);
            try
            {
                return new(servers[i].Endpoint, how());
            }
            catch (SyscallException) when (i + 1 < servers.Count)
            {
                // The next one.
            }
        }
    }

    // Every version of every program has procedure 0; the command has the names of other procedures for multiplex.x only.
    private RemoteProgram Meant(MultiplexV1Procedure procedure)
    {
        RemoteProgram program = Values.RemoteProgram("ENDPOINT", Server);
        if (procedure == MultiplexV1Procedure.Null)
            return program;
        return program is { Program: MultiplexV1.Program, Version: null or MultiplexV1.Version }
            ? program with { Version = MultiplexV1.Version }
            : throw new UsageException($"{Procedure}: of {program} only the procedure null is known, the others are those of multiplex.x");
    }

    // Null for a ping.
    private Func<MultiplexV1Client, RpcCallOptions, string>? Prepare(MultiplexV1Procedure procedure)
    {
        string[] arguments = [.. Arguments];
        string form = procedure switch
        {
            MultiplexV1Procedure.Echo => " TEXT",
            MultiplexV1Procedure.Sleep => " MILLISECONDS",
            MultiplexV1Procedure.Burn => " MICROSECONDS",
            MultiplexV1Procedure.Add => " NUMBER",
            _ => "",
        };
        if (arguments.Length != (form.Length > 0 ? 1 : 0))
            throw new UsageException($"{Procedure}: write {Procedure}{form}");
        switch (procedure)
        {
            case MultiplexV1Procedure.Null:
                return null;
            case MultiplexV1Procedure.Echo:
                byte[] text = Encoding.UTF8.GetBytes(arguments[0]);
                return (client, options) => Encoding.UTF8.GetString(client.Echo(text, options));
            case MultiplexV1Procedure.Sleep:
                uint milliseconds = (uint)Number(arguments[0], MultiplexConstants.MaxSleep);
                return (client, options) => $"{client.Sleep(milliseconds, options)}";
            case MultiplexV1Procedure.Burn:
                uint microseconds = (uint)Number(arguments[0], MultiplexConstants.MaxBurn);
                return (client, options) => $"{client.Burn(microseconds, options)}";
            case MultiplexV1Procedure.Add:
                ulong amount = Number(arguments[0], ulong.MaxValue);
                return (client, options) => $"{client.Add(amount, options)}";
            default:
                return (client, options) =>
                {
                    WhoamiRes who = client.Whoami(options);
                    return $"pid={who.Pid} thread={who.Thread} served={who.Served} peer={who.Peer}";
                };
        }
    }

    private ulong Number(string text, ulong most) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) && number <= most
            ? number
            : throw new UsageException($"{Procedure} {text}: write a number from 0 to {most}");
}
