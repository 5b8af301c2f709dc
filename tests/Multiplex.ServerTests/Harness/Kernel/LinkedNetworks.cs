using Multiplex.Sockets;

namespace Multiplex.ServerTests.Harness.Kernel;

/// <summary>A server's network and a client's, each a namespace of its own with one end of a link between them: veth(4).</summary>
internal sealed class LinkedNetworks : IDisposable
{
    private const string Near = "near", Far = "far", ServerHost = "10.66.0.2";

    private readonly ServerProcess _server, _client;

    /// <summary>Starts a server that listens on TCP and UDP.</summary>
    public LinkedNetworks(string model)
    {
        NetworkOf.RequireOne();
        Tools.Require("nsenter");
        _server = Serve(model, "tcp://*:7000", "udp://*:7000");
        _client = Serve(model, "tcp://127.0.0.1:7000");   // it only keeps its network namespace alive
        InClient("ip", "link", "add", Near, "type", "veth", "peer", "name", Far, "netns", $"{_server.Id}");
        InClient("ip", "address", "add", "10.66.0.1/24", "dev", Near);
        In(_server, "ip", "address", "add", $"{ServerHost}/24", "dev", Far);
        foreach (LinkEnd end in Enum.GetValues<LinkEnd>())
            Plug(end);
    }

    /// <summary>The server's endpoint in the client's network.</summary>
    public static Endpoint ServerAt(EndpointKind kind) => new(kind, ServerHost, "7000", "");

    /// <summary>Runs an action on a thread whose sockets are in the client's network.</summary>
    public void AtClient(Action run) => NetworkOf.Run(_client.Id, () =>
    {
        run();
        return true;
    });

    /// <summary>Takes one end of the link down.</summary>
    public void Pull(LinkEnd end) => Set(end, "down");

    /// <summary>Takes one end of the link up.</summary>
    public void Plug(LinkEnd end) => Set(end, "up");

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
    }

    private static ServerProcess Serve(string model, params string[] endpoints) => ServerProcess.StartProgram(
        Tools.Require("unshare"),
        ["--net", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh", ServerProcess.Command, .. ServerProcess.ServeArguments(model, "rpc", endpoints)],
        endpoints.Length);

    private static void In(ServerProcess network, params string[] command) =>
        ProgramRun.Successfully("nsenter", ["--target", $"{network.Id}", "--net", .. command]);

    private void InClient(params string[] command) => In(_client, command);

    private void Set(LinkEnd end, string state)
    {
        if (end == LinkEnd.Client)
            InClient("ip", "link", "set", Near, state);
        else
            In(_server, "ip", "link", "set", Far, state);
    }
}

/// <summary>An end of a link. If a machine's own end is down, it has no route any more; if the other end is down, what it sends is lost.</summary>
public enum LinkEnd
{
    Client,
    Server,
}
