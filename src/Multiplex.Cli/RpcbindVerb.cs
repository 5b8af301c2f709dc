using CommandLine;
using Multiplex.Rpc.Binding;
using Multiplex.Servers;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli;

[Verb("rpcbind", HelpText = "Be the name service of this machine (RFC 1833): servers register, clients ask where a program is served.")]
internal sealed class RpcbindOptions : IVerb
{
    private const int Backlog = 1024;

    [Option("listen", MetaValue = "ENDPOINT", HelpText = "Where to serve; may be given several times. Without it: TCP and UDP port 111 of every interface, and unix:/run/rpcbind.sock.")]
    public IEnumerable<string> Listen { get; set; } = [];

    [Option("model", Default = "epoll", MetaValue = "NAME", HelpText = "The server model: one that serves every kind of endpoint in one process.")]
    public string Model { get; set; } = "";

    [Option("max-registrations", Default = RegistrationTable.UsualCapacity, MetaValue = "N", HelpText = "Registrations at a time; one more is refused.")]
    public int MaxRegistrations { get; set; }

    [Option("max-connections", Default = 0, MetaValue = "N", HelpText = "Connections at a time; one more is closed. 0: as many as there are descriptors for.")]
    public int MaxConnections { get; set; }

    [Option("amplification", Default = NameServiceProtocol.UsualAmplification, MetaValue = "N", HelpText = "Times as long as its call a reply over UDP may be; longer ones are SYSTEM_ERR, and can be had over TCP.")]
    public int Amplification { get; set; }

    public int Run()
    {
        ServerModelEntry model = Values.Named("--model", Model, Models(), entry => entry.Name);
        Endpoint[] endpoints = Listen.Any() ? [.. Listen.Select(text => ServerSockets.Served(text, model))] : Usual();
        ServerOptions options = new()
        {
            MaxConnections = ServerSockets.ConnectionLimit(Values.Number("--max-connections", MaxConnections, 0, int.MaxValue)),
        };
        NameService names = new(new(Values.Number("--max-registrations", MaxRegistrations, 1, 1_000_000)));
        NameServiceProtocol protocol = new(names, Values.Number("--amplification", Amplification, 1, 65_535));

        using ServerCounters counters = new();
        using StopSignal.Requestable stop = StopSignal.ByRequest();
        using StopBySignals handlers = new(stop);
        ServerSockets sockets = ServerSockets.Open(endpoints, Backlog, model.SharesAddresses);
        foreach (BoundSocket socket in sockets.All)
        {
            socket.LetEverybodyIn();   // every user's servers may register
            foreach (Endpoint address in socket.Reached)
                names.RegisterItself(address);
        }

        model.Create().Run(new(sockets.Listeners, protocol, options, counters, stop)
        {
            Datagrams = sockets.Datagrams,
            Ready = () => sockets.Announce(model.Name, "rpcbind"),
        });
        StandardStream.Error.WriteLine($"stopped {counters.Summary()}".TrimEnd());
        return stop.Requests() > 1 ? ExitStatus.Failed : ExitStatus.Done;
    }

    private static IEnumerable<ServerModelEntry> Models() => ServerModelCatalog.All.Where(model =>
        !model.Forks && Enum.GetValues<EndpointKind>().All(kind => model.Kinds.Contains(kind)));

    // An IPv6 socket on every interface takes IPv4 too; where there is no IPv6, an IPv4 one has to do.
    private static Endpoint[] Usual()
    {
        Interop.SyscallResult probe = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        string host = probe.IsError ? UniversalAddress.AnyIPv4 : UniversalAddress.AnyIPv6;
        if (!probe.IsError)
            close((int)probe.Value);
        return
        [
            new(EndpointKind.Tcp, host, $"{NameService.Port}", ""),
            new(EndpointKind.Udp, host, $"{NameService.Port}", ""),
            new(EndpointKind.Unix, "", "", NameService.SocketPath),
        ];
    }
}
