using CommandLine;
using Multiplex.Cli.Engines;
using Multiplex.Cli.Options;
using Multiplex.Cli.Output;
using Multiplex.Cli.Serving;
using Multiplex.Cli.Serving.Logs;
using Multiplex.Forking;
using Multiplex.Models;
using Multiplex.Rpc.Binding;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli;

[Verb("rpcbind", HelpText = "Be the name service of this machine (RFC 1833): servers register, clients ask where a program is served.")]
internal sealed class RpcbindOptions : IVerb
{
    private const int Backlog = 1024;

    [Section("Where it serves")]
    [Option("listen", MetaValue = "ENDPOINT", HelpText = "Where to serve; may be given several times. Without it: TCP and UDP port 111 of every interface, and unix:/run/rpcbind.sock.")]
    public IEnumerable<string> Listen { get; set; } = [];

    [Option("model", MetaValue = "MODEL", HelpText = "The server model, one that serves every kind of endpoint in one process: epoll, or with --indirect hybrid.")]
    public string? Model { get; set; }

    [Section("Registrations")]
    [Option("max-registrations", Default = RegistrationLimits.UsualTotal, MetaValue = "N", HelpText = "Registrations at a time; one more is refused.")]
    public int MaxRegistrations { get; set; }

    [Option("max-per-owner", Default = 0, MetaValue = "N", HelpText = "Registrations at a time of one owner other than root. 0: a quarter of all.")]
    public int MaxPerOwner { get; set; }

    [Option("root-reserve", Default = -1, MetaValue = "N", HelpText = "Registrations that only root may make. -1: an eighth of all.")]
    public int RootReserve { get; set; }

    [Option("state", MetaValue = "FILE", HelpText = "Keep the registrations in this file, and begin with those that are there, so that servers survive a restart of the name service.")]
    public string? StateFile { get; set; }

    [Section("Many machines")]
    [Option("backend", MetaValue = "URL", HelpText = $"Share registrations with other machines: {FleetEngines.Form}. Each has its own name service, and all find the servers of all.")]
    public string? Backend { get; set; }

    [Option("advertise", MetaValue = "ADDRESS,…", HelpText = FleetEngines.AdvertiseHelp)]
    public string? Advertise { get; set; }

    [Option("lease", MetaValue = "TIME", HelpText = FleetEngines.LeaseHelp)]
    public string? Lease { get; set; }

    [Option("export-srv", MetaValue = "FILE", HelpText = "Keep the servers of all machines in this file as SRV records of a DNS zone, for $INCLUDE.")]
    public string? ExportSrv { get; set; }

    [Section("Limits of callers")]
    [Option("max-connections", Default = 0, MetaValue = "N", HelpText = "Connections at a time; one more is closed. 0: as many as there are descriptors for.")]
    public int MaxConnections { get; set; }

    [Option("amplification", Default = NameServiceProtocol.UsualAmplification, MetaValue = "N", HelpText = "Times as long as its call a reply over UDP may be; longer ones are SYSTEM_ERR, and can be had over TCP.")]
    public int Amplification { get; set; }

    [Section("Calls for others")]
    [Option("indirect", HelpText = "Call programs of this machine for callers elsewhere (CALLIT, BCAST, INDIRECT), as for rpcinfo -b. Programs take these for local calls.")]
    public bool Indirect { get; set; }

    [Option("max-indirect", Default = 16, MetaValue = "N", HelpText = "Such calls in progress at a time, each up to 3 s; one more is SYSTEM_ERR. The other workers, of 64, are for lookups.")]
    public int MaxIndirect { get; set; }

    public int Run()
    {
        ServerModelEntry model = Values.Named("--model", Model ?? (Indirect ? "hybrid" : "epoll"), Models(), entry => entry.Name);
        Endpoint[] endpoints = Listen.Any() ? [.. Listen.Select(text => ListenTarget.Served(text, model))] : Usual();
        ServerOptions options = new()
        {
            MaxConnections = ServerSockets.ConnectionLimit(Values.Number("--max-connections", MaxConnections, 0, int.MaxValue), inOneProcess: true),
        };
        int indirect = Values.Number("--max-indirect", MaxIndirect, 1, options.Workers / 2);
        int amplification = Values.Number("--amplification", Amplification, 1, 65_535);
        INameBackend? backend = FleetEngines.Backend("--backend", Backend, Advertise, Lease, ExportSrv);
        BlockedSignals.Enter();
        NameService names = new(new(Limits())) { MaxIndirectCalls = Indirect ? indirect : 0, Elsewhere = backend is null ? null : () => backend.Elsewhere };
        NameServiceProtocol protocol = new(names, amplification);

        if (StateFile is not null)
            Keep(names, new RegistrationFile(StateFile));

        // Not disposed: a signal may arrive until the process ends.
        ServerCounters counters = new();
        StopSource stop = StopSignal.ByRequest();
        StopBySignals signals = new(stop, options, counters);
        ServerSockets sockets = ServerSockets.Open(endpoints, Backlog, shared: model.Loops(options) > 1);
        signals.Sockets = sockets;
        foreach (BoundSocket socket in sockets.All)
        {
            socket.LetEverybodyIn();   // every user's servers may register
            foreach (Endpoint address in socket.Reached)
                names.RegisterItself(address);
        }

        FleetMember? member = backend is null ? null : new(names.Table, backend);
        Service service = new(sockets.Listeners, protocol, options, counters, stop)
        {
            Datagrams = sockets.Datagrams,
            Ready = () =>
            {
                sockets.Announce(model.Name, "rpcbind");
                ServiceManager.Ready($"rpcbind by {model.Name}");
                StartedPages.Drop();
            },
            Stopping = ServiceManager.Stopping,
        };
        sockets.Serve(() => model.Create().Run(service));
        signals.Finish();
        member?.Dispose();
        Log.Counted(counters);
        return ExitStatus.Done;
    }

    private RegistrationLimits Limits()
    {
        int total = Values.Number("--max-registrations", MaxRegistrations, 1, 1_000_000);
        return new()
        {
            Total = total,
            PerOwner = Values.Number("--max-per-owner", MaxPerOwner, 0, total),
            Reserved = Values.Number("--root-reserve", RootReserve, -1, total),
        };
    }

    // A file that cannot be written is reported at the start, and later at the first of several failures in succession.
    private static void Keep(NameService names, RegistrationFile file)
    {
        foreach (Registration one in file.Read(StandardStream.Error.WriteLine))
        {
            if (!names.Restore(one))
                StandardStream.Error.WriteLine($"not registered again: {one.Program} version {one.Version} over {one.Netid} at {one.Address}");
        }

        file.Write(names.Table.All);
        bool failed = false;
        names.Table.Changed = registrations =>
        {
            try
            {
                file.Write(registrations);
                failed = false;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                if (!failed)
                    StandardStream.Error.WriteLine($"--state: {e.Message}");
                failed = true;
            }
        };
    }

    // An indirect call blocks until the other server replies.
    internal IEnumerable<ServerModelEntry> Models() => ServerModelCatalog.All.Where(model =>
        !model.Forks && !(Indirect && model.StallsOthers) && Enum.GetValues<EndpointKind>().All(kind => model.Kinds.Contains(kind)));

    private static Endpoint[] Usual()
    {
        Interop.SyscallResult probe = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        string[] hosts = probe.IsError ? [UniversalAddress.AnyIPv4] : [UniversalAddress.AnyIPv4, UniversalAddress.AnyIPv6];
        if (!probe.IsError)
            close((int)probe.Value);
        return
        [
            .. hosts.SelectMany(host => (Endpoint[])[NameServiceClient.At(host), NameServiceClient.At(host, EndpointKind.Udp)]),
            new(EndpointKind.Unix, "", "", NameService.SocketPath),
        ];
    }
}
