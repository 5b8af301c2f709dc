using System.Diagnostics;
using System.Globalization;
using System.Text;
using CommandLine;
using Multiplex.Cli.Options;
using Multiplex.Cli.Output;
using Multiplex.Demo;
using Multiplex.Rpc.Binding;
using Multiplex.Rpc.Client;
using Multiplex.Rpc.Messages;
using Multiplex.Sockets;
using Multiplex.Tls;

namespace Multiplex.Cli;

[Verb("call", HelpText = "Call one procedure: null, echo TEXT, sleep MILLISECONDS, burn MICROSECONDS, add NUMBER or whoami.")]
internal sealed class CallOptions : IVerb
{
    private static readonly (string Name, Func<RpcAuthentication> Make)[] s_credentials =
        [("none", () => RpcAuthentication.None), ("sys", RpcAuthentication.Sys)];

    private static readonly TimeSpan s_least = TimeSpan.FromMilliseconds(1);

    [Value(0, Required = true, MetaName = "ENDPOINT", HelpText = $"The server: {Endpoint.Forms}; or {RemoteProgram.Form}, which its host's name service finds.")]
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

    [Option("tls", HelpText = ClientTlsOptions.Help)]
    public bool UsesTls { get; set; }

    [Option("tls-ca", MetaValue = "FILE", HelpText = ClientTlsOptions.AuthorityHelp)]
    public string? TlsCa { get; set; }

    [Option("tls-host", MetaValue = "NAME", HelpText = ClientTlsOptions.HostHelp)]
    public string? TlsHost { get; set; }

    [Option("tls-cert", MetaValue = "FILE", HelpText = ClientTlsOptions.CertificateHelp)]
    public string? TlsCertificate { get; set; }

    [Option("tls-key", MetaValue = "FILE", HelpText = ClientTlsOptions.KeyHelp)]
    public string? TlsKey { get; set; }

    public int Run()
    {
        TimeSpan timeout = Values.PositiveTime("--timeout", Timeout);
        MultiplexV1Procedure procedure = Values.Named(
            "PROCEDURE", Procedure, Enum.GetValues<MultiplexV1Procedure>(), one => one.ToString().ToLowerInvariant());
        RemoteProgram? program = RemoteProgram.IsMeantBy(Server) ? Meant(procedure) : null;
        Endpoint? names = NameServiceAt is null ? null : Values.Endpoint("--rpcbind", NameServiceAt);
        Endpoint? endpoint = program is null ? Values.Endpoint("ENDPOINT", Server) : null;
        Func<MultiplexV1Client, RpcCallOptions, string>? call = Prepare(procedure);
        RpcAuthentication authentication = Values.Named("--auth", Authentication, s_credentials, one => one.Name).Make();
        TlsClientOptions? tls = new ClientTlsOptions(UsesTls, TlsCa, TlsHost, TlsCertificate, TlsKey).For(Server, endpoint, endpoint?.Host ?? program!.Host);
        Stopwatch elapsed = Stopwatch.StartNew();
        string result = "";
        try
        {
            (Endpoint server, uint version) = program?.Locate(names, timeout) ?? (endpoint!, MultiplexV1.Version);
            uint number = program?.Program ?? MultiplexV1.Program;
            ClientTlsOptions.CheckFound("call", Server, server, tls);
            RpcClientOptions how = new()
            {
                Authentication = authentication,
                Timeout = timeout,
                ConnectTimeout = Left(),
                Tls = tls,
                TlsProgram = (number, version),
            };
            using RpcClient client = new(server, how);
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

    // Procedure 0 is every program's, in every version; the others are known of this program, in this version.
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
