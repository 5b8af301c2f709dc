using System.Globalization;
using System.Text;
using CommandLine;
using Multiplex.Rpc;
using Multiplex.Rpc.Binding;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;

namespace Multiplex.Cli;

[Verb("call", HelpText = "Call one procedure: null, echo TEXT, sleep MILLISECONDS, burn MICROSECONDS, add NUMBER or whoami.")]
internal sealed class CallOptions : IVerb
{
    [Value(0, Required = true, MetaName = "ENDPOINT", HelpText = $"The server: {Endpoint.Forms}; or {RemoteProgram.Form}, which its host's name service finds.")]
    public string Server { get; set; } = "";

    [Value(1, Required = true, MetaName = "PROCEDURE", HelpText = "null, echo, sleep, burn, add or whoami.")]
    public string Procedure { get; set; } = "";

    [Value(2, MetaName = "ARGUMENT", HelpText = "What the procedure takes.")]
    public IEnumerable<string> Arguments { get; set; } = [];

    [Option("rpcbind", MetaValue = "ENDPOINT", HelpText = "The name service to ask for an rpc:// program; by default its host's, at port 111.")]
    public string? NameServiceAt { get; set; }

    public int Run()
    {
        MultiplexProcedure procedure = Values.Named(
            "PROCEDURE", Procedure, Enum.GetValues<MultiplexProcedure>(), one => one.ToString().ToLowerInvariant());
        RemoteProgram? program = RemoteProgram.IsMeantBy(Server) ? Meant(procedure) : null;
        Endpoint? names = NameServiceAt is null ? null : Values.Endpoint("--rpcbind", NameServiceAt);
        Endpoint? endpoint = program is null ? Values.Endpoint("ENDPOINT", Server) : null;
        Func<RpcClient, string>? call = Prepare(procedure);
        (Endpoint server, uint version) = program?.Locate(names) ?? (endpoint!, MultiplexProgram.ProgramVersion);
        using RpcClient client = new(server);
        string result = call?.Invoke(client) ?? Ping(client, program?.Program ?? MultiplexProgram.ProgramNumber, version);
        if (result.Length > 0)
            StandardStream.Output.WriteLine(result);
        return ExitStatus.Done;
    }

    // Procedure 0 is every program's, in every version; the others are known of this program, in this version.
    private RemoteProgram Meant(MultiplexProcedure procedure)
    {
        RemoteProgram program = Values.RemoteProgram("ENDPOINT", Server);
        if (procedure == MultiplexProcedure.Null)
            return program;
        return program is { Program: MultiplexProgram.ProgramNumber, Version: null or MultiplexProgram.ProgramVersion }
            ? program with { Version = MultiplexProgram.ProgramVersion }
            : throw new UsageException($"{Procedure}: of {program} only the procedure null is known, the others are those of multiplex.x");
    }

    private static string Ping(RpcClient client, uint program, uint version) =>
        client.Call(new(program, version, 0), 0, (_, _) => { }, (ref XdrReader _) => "");

    // Null for a ping.
    private Func<RpcClient, string>? Prepare(MultiplexProcedure procedure)
    {
        string[] arguments = [.. Arguments];
        string form = procedure switch
        {
            MultiplexProcedure.Echo => " TEXT",
            MultiplexProcedure.Sleep => " MILLISECONDS",
            MultiplexProcedure.Burn => " MICROSECONDS",
            MultiplexProcedure.Add => " NUMBER",
            _ => "",
        };
        if (arguments.Length != (form.Length > 0 ? 1 : 0))
            throw new UsageException($"{Procedure}: write {Procedure}{form}");
        switch (procedure)
        {
            case MultiplexProcedure.Null:
                return null;
            case MultiplexProcedure.Echo:
                byte[] text = Encoding.UTF8.GetBytes(arguments[0]);
                return client => client.Call(
                    procedure.Remote(),
                    text,
                    (writer, value) => writer.WriteOpaque(value),
                    (ref XdrReader reader) => Encoding.UTF8.GetString(reader.ReadOpaque(MultiplexProgram.MaxPayload)));
            case MultiplexProcedure.Sleep:
            case MultiplexProcedure.Burn:
                uint time = (uint)Number(arguments[0], procedure == MultiplexProcedure.Sleep ? MultiplexProgram.MaxSleep : MultiplexProgram.MaxBurn);
                return client => client.Call(
                    procedure.Remote(),
                    time,
                    (writer, value) => writer.WriteUInt32(value),
                    (ref XdrReader reader) => (procedure == MultiplexProcedure.Sleep ? reader.ReadUInt32() : reader.ReadUInt64()).ToString());
            case MultiplexProcedure.Add:
                ulong amount = Number(arguments[0], ulong.MaxValue);
                return client => client.Call(
                    procedure.Remote(),
                    amount,
                    (writer, value) => writer.WriteUInt64(value),
                    (ref XdrReader reader) => reader.ReadUInt64().ToString());
            default:
                return client => client.Call(
                    procedure.Remote(),
                    0,
                    (_, _) => { },
                    (ref XdrReader reader) => $"pid={reader.ReadUInt32()} thread={reader.ReadUInt32()} served={reader.ReadUInt64()} "
                        + $"peer={Encoding.UTF8.GetString(reader.ReadOpaque(MultiplexProgram.MaxPeer))}");
        }
    }

    private ulong Number(string text, ulong most) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) && number <= most
            ? number
            : throw new UsageException($"{Procedure} {text}: write a number from 0 to {most}");
}
