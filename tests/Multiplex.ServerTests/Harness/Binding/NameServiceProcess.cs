using Multiplex.Rpc.Binding;
using Multiplex.ServerTests.Harness.Kernel;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Harness.Binding;

/// <summary>Which program the name service is.</summary>
public enum NameServiceKind
{
    /// <summary>rpcbind(8).</summary>
    Rpcbind,

    /// <summary><c>multiplex rpcbind</c>.</summary>
    Multiplex,
}

/// <summary>
/// A name service on its usual port, in a network of its own: a loopback interface, which has the address of another network
/// too, and an empty /run, so that no other program has port 111 and /run/rpcbind.sock. A process that only sleeps keeps them while the
/// name service is started anew.
/// </summary>
internal sealed class NameServiceProcess : IDisposable
{
    /// <summary>An address of the machine that is not a loopback address: a caller from there is not local.</summary>
    public const string OtherAddress = "192.0.2.7";

    private const string Enter =
        $"mount -t tmpfs tmpfs /run && ip link set lo up && ip address add {OtherAddress}/32 dev lo && echo ready >&2 && exec sleep infinity";

    private readonly ServerProcess _network;
    private readonly string[] _command;
    private readonly int _addresses;   // that it announces
    private ServerProcess? _service;

    private NameServiceProcess(NameServiceKind kind, string[] options)
    {
        string[] command = kind == NameServiceKind.Rpcbind ? [Tools.Require("rpcbind"), "-f"] : [ServerProcess.Command, "rpcbind"];
        _command = [.. command, .. options];
        _addresses = kind == NameServiceKind.Rpcbind ? 0 : 5;
        _network = ServerProcess.StartProgram(Tools.Require("unshare"), ["--net", "--mount", "sh", "-c", Enter], endpoints: 0);
    }

    /// <summary>Its UNIX-domain socket, as a path that can be connected to from outside its network.</summary>
    public Endpoint Socket => new(EndpointKind.Unix, "", "", $"/proc/{_network.Id}/root{NameService.SocketPath}");

    public static NameServiceProcess Start(NameServiceKind kind, params string[] options)
    {
        NetworkOf.RequireOne();
        NameServiceProcess started = new(kind, options);
        try
        {
            Eventually.Holds(() => started._network.Errors.Contains("ready"), () => string.Join('\n', started._network.Errors));
            started.StartService();
            return started;
        }
        catch
        {
            started.Dispose();
            throw;
        }
    }

    /// <summary>Kills the name service and starts it again, without any registrations.</summary>
    public void StartAnew()
    {
        _service!.Dispose();
        StartService();
    }

    /// <summary>Runs a program to its end in that network.</summary>
    public ProgramRun Run(string program, params string[] arguments) => ProgramRun.Of(Tools.Require("nsenter"), Inside([program, .. arguments]));

    /// <summary>Runs the command under test in that network.</summary>
    public ProgramRun Multiplex(params string[] arguments) => Run(ServerProcess.Command, arguments);

    /// <summary>Starts <c>multiplex serve --protocol rpc --register</c> in that network.</summary>
    public ServerProcess Serve(string model, params string[] endpoints) => Serve(model, endpoints, options: []);

    /// <summary>The same with further options.</summary>
    public ServerProcess Serve(string model, string[] endpoints, string[] options) => ServerProcess.StartProgram(
        Tools.Require("nsenter"),
        Inside([ServerProcess.Command, "serve", "--model", model, "--register", .. endpoints.SelectMany(endpoint => new[] { "--listen", endpoint }), .. options]),
        endpoints.Length);

    /// <summary>Starts any program in that network.</summary>
    public ServerProcess StartProgram(params string[] command) => ServerProcess.StartProgram(Tools.Require("nsenter"), Inside(command), endpoints: 0);

    /// <summary>Asks the name service, by its UNIX-domain socket.</summary>
    public T Ask<T>(Func<NameServiceClient, T> ask)
    {
        using NameServiceClient names = new(Socket);
        return ask(names);
    }

    /// <summary>Runs an action on a thread whose sockets are in that network.</summary>
    public T InItsNetwork<T>(Func<T> run) => NetworkOf.Run(_network.Id, run);

    public void Dispose()
    {
        _service?.Dispose();
        _network.Dispose();
    }

    private void StartService()
    {
        _service = ServerProcess.StartProgram(Tools.Require("nsenter"), Inside(_command), _addresses);
        Eventually.Holds(Answers, "the name service does not answer");
    }

    private bool Answers()
    {
        try
        {
            return Ask(names => names.Dump().Count) > 0;
        }
        catch (IOException)
        {
            return false;   // not yet
        }
    }

    /// <summary>The arguments of nsenter(1) that run a command in that network.</summary>
    public string[] Inside(string[] command) => ["--target", $"{_network.Id}", "--net", "--mount", .. command];
}
