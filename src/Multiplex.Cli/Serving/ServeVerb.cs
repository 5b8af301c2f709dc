using CommandLine;
using Multiplex.Cli.Options;
using Multiplex.Cli.Output;
using Multiplex.Forking;
using Multiplex.Models;
using Multiplex.Nfs.Exports;
using Multiplex.Nfs.Server;
using Multiplex.Protocols;
using Multiplex.Rpc.Server;
using Multiplex.Sockets;
using Multiplex.Tls;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Serving;

[Verb("serve", HelpText = "Serve a protocol with a server model, until SIGTERM, SIGINT or SIGHUP.")]
internal sealed class ServeOptions : IVerb
{
    [Section("What is served")]
    [Option("model", Required = true, MetaValue = "MODEL", HelpText = "The server model: see multiplex models.")]
    public string Model { get; set; } = "";

    [Option("protocol", Default = "rpc", MetaValue = "PROTOCOL", HelpText = "echo (RFC 862), rpc (ONC RPC, multiplex.x) or nfs (NFS version 3 and MOUNT).")]
    public string Protocol { get; set; } = "";

    [Option("listen", Required = true, MetaValue = "ENDPOINT", HelpText = "Where to serve: " + Endpoint.Forms + "; may be given several times.")]
    public IEnumerable<string> Listen { get; set; } = [];

    [Section("Files of nfs")]
    [Option("export", MetaValue = "EXPORT", HelpText = "What nfs serves: " + Export.Form + "; may be given several times. By default the name is the directory's, clients call from ports below 1024, and their root is nobody here.")]
    public IEnumerable<string> Exports { get; set; } = [];

    [Option("state", MetaValue = "DIR", HelpText = "Where nfs keeps the key of its handles, so that they outlive the server. Default: $STATE_DIRECTORY, or else of root /var/lib/multiplex, of others ~/.local/state/multiplex.")]
    public string? State { get; set; }

    [Option("open-files", Default = 1024, MetaValue = "N", HelpText = "Files that a process of nfs holds open between calls, each by up to three descriptors.")]
    public int OpenFiles { get; set; }

    [Option("known-users", Default = 4096, MetaValue = "N", HelpText = "Users whose groups a process of nfs remembers, for each export with manage_gids. The one that was looked up first makes room.")]
    public int KnownUsers { get; set; }

    [Option("listing-cache", Default = "4M", MetaValue = "BYTES", HelpText = "Memory for entries of directories that a process of nfs keeps for READDIRPLUS, about. 0: none.")]
    public string ListingCache { get; set; } = "";

    [Option("mounts", Default = 256, MetaValue = "N", HelpText = "Mounts that nfs remembers, to list them.")]
    public int Mounts { get; set; }

    [Section("Workers and calls")]
    [Option("workers", Default = 64, MetaValue = "N", HelpText = "Workers of a model that has a fixed number of them.")]
    public int Workers { get; set; }

    [Option("reactors", Default = 0, MetaValue = "N", HelpText = "Loops of reactors or uring, each on a thread with its own listeners. 0: one a core for reactors, and one for uring.")]
    public int Reactors { get; set; }

    [Option("spin", Default = "0", MetaValue = "TIME", HelpText = "How long a loop of select, poll, epoll, reactors, hybrid or uring looks for the next request before it sleeps, such as 50us; a core is busy meanwhile. 0: it sleeps at once.")]
    public string Spin { get; set; } = "";

    [Option("max-calls", Default = 64, MetaValue = "N", HelpText = "Calls of one connection, or source of datagrams, in progress at a time in hybrid.")]
    public int MaxCalls { get; set; }

    [Option("max-queued-calls", Default = 4096, MetaValue = "N", HelpText = "Calls of all connections that may wait for a worker of hybrid.")]
    public int MaxQueuedCalls { get; set; }

    [Option("reply-order", Default = "calls", MetaValue = "ORDER", HelpText = "RPC replies of one connection leave in the order of its calls, or in any order, as they are ready: for clients that match xids.")]
    public string ReplyOrder { get; set; } = "";

    [Section("Limits of connections")]
    [Option("queue", Default = 1024, MetaValue = "N", HelpText = "Connections that may wait for a thread of the pool.")]
    public int Queue { get; set; }

    [Option("max-children", MetaValue = "N", HelpText = "Child processes at a time. Without it: 1024, or where memory is small one for each MiB of --max-memory.")]
    public int? MaxChildren { get; set; }

    [Option("spare", Default = 0, MetaValue = "N", HelpText = "Children that the model fork makes ahead, each for one connection. 0: each is made when its connection is there.")]
    public int Spare { get; set; }

    [Option("max-threads", Default = 1024, MetaValue = "N", HelpText = "Threads of connections at a time.")]
    public int MaxThreads { get; set; }

    [Option("max-connections", Default = 0, MetaValue = "N", HelpText = "Connections at a time; one more is closed. 0: as many as there are descriptors for.")]
    public int MaxConnections { get; set; }

    [Section("Limits of memory")]
    [Option("max-pending", Default = "256k", MetaValue = "BYTES", HelpText = "Pending replies of a connection past which it is not read from.")]
    public string MaxPending { get; set; } = "";

    [Option("max-memory", MetaValue = "BYTES", HelpText = "Memory that all connections together may own; the largest is closed. Without it: half of the machine's or the container's.")]
    public string? MaxMemory { get; set; }

    [Option("max-record", Default = "1028k", MetaValue = "BYTES", HelpText = "The longest RPC record.")]
    public string MaxRecord { get; set; } = "";

    [Section("Repeated calls")]
    [Option("reply-cache", Default = 32_768, MetaValue = "N", HelpText = "Replies to remember, so that a repeated ADD is not added twice. 0: none.")]
    public int ReplyCache { get; set; }

    [Option("reply-cache-time", Default = "2m", MetaValue = "TIME", HelpText = "How long to remember a reply that is not asked for again.")]
    public string ReplyCacheTime { get; set; } = "";

    [Section("Datagrams of echo")]
    [Option("echo-any-source", HelpText = "Echo UDP datagrams from ports below 1024 and from the server's own addresses too.")]
    public bool EchoAnySource { get; set; }

    [Option("echo-repeats", Default = EchoOptions.UsualRepeatsPerSecond, MetaValue = "N", HelpText = "UDP datagrams a second to echo to one source when they repeat its earlier ones, as those of an echo loop do. 0: no limit.")]
    public int EchoRepeats { get; set; }

    [Section("TLS")]
    [Option("tls", Default = "off", MetaValue = "off|optional|required", HelpText = "RPC with TLS 1.3 on streams (RFC 9289): for the clients that ask for it, or for all. Models that fork do not have it.")]
    public string Tls { get; set; } = "";

    [Option("tls-cert", MetaValue = "FILE", HelpText = "The server's certificate in PEM, and behind it those that lead to the authority that clients trust.")]
    public string? TlsCertificate { get; set; }

    [Option("tls-key", MetaValue = "FILE", HelpText = "The private key of the certificate in PEM, without a passphrase.")]
    public string? TlsKey { get; set; }

    [Option("tls-client-ca", MetaValue = "FILE", HelpText = "Authorities in PEM: each client must show a certificate of theirs.")]
    public string? TlsClientCa { get; set; }

    [Section("Limits of time")]
    [Option("idle-timeout", Default = "10m", MetaValue = "TIME", HelpText = "How long a connection may be silent; 0 is for ever.")]
    public string IdleTimeout { get; set; } = "";

    [Option("keepalive", Default = "1m", MetaValue = "TIME", HelpText = "Of TCP: after how much silence to probe whether the client is still there; one that answers no probe is closed after twice that. 0: never.")]
    public string Probing { get; set; } = "";

    [Option("request-timeout", MetaValue = "TIME", HelpText = "How long one request may take to arrive; 0 is for ever. Default: as --idle-timeout, at most 30s.")]
    public string? RequestTimeout { get; set; }

    [Option("drain", Default = "15s", MetaValue = "TIME", HelpText = "How long a stop waits for calls in progress.")]
    public string Drain { get; set; } = "";

    [Section("Sockets and counters")]
    [Option("backlog", Default = 4096, MetaValue = "N", HelpText = "Connections that may wait to be accepted.")]
    public int Backlog { get; set; }

    [Option("counters", MetaValue = "FILE", HelpText = "Keep the counters in this file, for others to read while the server runs.")]
    public string? CountersFile { get; set; }

    [Section("Name service")]
    [Option("register", HelpText = "Register the program with this machine's name service (rpcbind) while it is served.")]
    public bool Register { get; set; }

    [Option("rpcbind", MetaValue = "ENDPOINT", HelpText = "Register with the name service at this endpoint instead; implies --register.")]
    public string? NameServiceAt { get; set; }

    [Option("register-interval", Default = "30s", MetaValue = "TIME", HelpText = "How often to look whether the name service, which may have been started anew, still knows the server.")]
    public string RegisterInterval { get; set; } = "";

    public int Run()
    {
        ServerModelEntry model = Values.Named("--model", Model, ServerModelCatalog.All, entry => entry.Name);
        ProtocolEntry protocol = Values.Named("--protocol", Protocol, ProtocolCatalog.All, entry => entry.Name);
        Endpoint[] endpoints = [.. Listen.Select(text => ServerSockets.Served(text, model))];
        NfsServerOptions? files = Files(protocol);
        ServerOptions options = Limits(model, files?.MostDescriptors ?? 0);
        int backlog = Values.Number("--backlog", Backlog, 1, 65_535);
        TimeSpan keepAlive = Values.Time("--keepalive", Probing, TimeSpan.FromHours(9));
        int maxRecord = Values.Bytes("--max-record", MaxRecord, 1024, 256 << 20);
        ReplyCacheOptions? replies = RepliesToRemember();
        EchoOptions echo = new() { AnySource = EchoAnySource, RepeatsPerSecond = Values.Number("--echo-repeats", EchoRepeats, 0, 1_000_000) };
        ReplyOrder order = Values.Named("--reply-order", ReplyOrder, Enum.GetValues<ReplyOrder>(), one => one.ToString().ToLowerInvariant());
        Endpoint? nameService = NameServiceAt is null ? null : Values.Endpoint("--rpcbind", NameServiceAt);
        TimeSpan interval = Values.PositiveTime("--register-interval", RegisterInterval);
        TlsServerOptions? tls = TlsWanted(model, protocol, endpoints);
        if (model.Forks)
            ForkRuntime.Enter();
        else
            BlockedSignals.Enter();

        // Before there are sockets: a file may not be what it should be.
        if (tls is not null)
            TlsContext.ForServer(tls, protocol.Name).Dispose();

        // Not disposed: a thread whose procedure outlasts the time to drain may still count, and a signal may still come.
        ServerCounters counters = CountersFile is null ? ServerCounters.Watchable() : new(CountersFile);
        StopSignal stop = model.Forks ? StopSignal.BySignal() : StopSignal.ByRequest();
        StopBySignals? signals = stop is StopSignal.Requestable requestable ? new(requestable, options.DrainTime, counters) : null;
        bool registers = Register || nameService is not null;
        if (signals is not null && !registers)
            OwnDescriptors.Take();
        ServerSockets sockets = ServerSockets.Open(endpoints, backlog, model.SharesAddresses, keepAlive);
        signals?.Sockets = sockets;
        ProtocolLimits limits = new(maxRecord, replies, order, echo with { OwnPorts = sockets.UdpPorts }, files, tls);
        using Registered? registered = registers
            ? Registered.Make(nameService, protocol, sockets, stop, interval, model.Forks)
            : null;
        Service service = new(sockets.Listeners, protocol.Create(counters, limits), options, counters, stop)
        {
            Datagrams = sockets.Datagrams,
            Ready = () =>
            {
                sockets.Announce(model.Name, protocol.Name);
                ServiceManager.Ready($"{protocol.Name} by {model.Name} at {string.Join(", ", sockets.All.Select(socket => socket.Local))}");
                StartedPages.Drop();
            },
            Resting = StartedPages.Drop,
            Stopping = () =>
            {
                ServiceManager.Stopping();
                registered?.Remove();
            },
        };
        if (files is not null && !NfsServer.ActsAsCallers && !files.Exports.All(export => export.AllSquash && export.AnonymousUser == geteuid()))
            StandardStream.Error.WriteLine($"multiplex: without root's privileges calls of other users than {geteuid()} are refused; an export with all_squash,anonuid={geteuid()},anongid={getegid()} serves all as this user");
        if (!model.Forks)
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);   // what the start left; models that fork do so themselves
        model.Create().Run(service);
        signals?.Finish();
        StopBySignals.Report(counters);
        return stop.Requests() > 1 ? ExitStatus.Failed : ExitStatus.Done;
    }

    private TlsServerOptions? TlsWanted(ServerModelEntry model, ProtocolEntry protocol, Endpoint[] endpoints)
    {
        (string Name, TlsPolicy? Policy)[] policies = [("off", null), ("optional", TlsPolicy.Optional), ("required", TlsPolicy.Required)];
        if (Values.Named("--tls", Tls, policies, one => one.Name).Policy is not { } policy)
        {
            return TlsCertificate is null && TlsKey is null && TlsClientCa is null
                ? null
                : throw new UsageException("--tls-cert, --tls-key and --tls-client-ca: they are for --tls optional or --tls required");
        }

        if (model.Forks)
        {
            throw new UsageException($"--tls {Tls}: {model.Name} forks, and each child would have a copy of the keys; "
                + string.Join(", ", ServerModelCatalog.All.Where(one => !one.Forks).Select(one => one.Name)) + " have TLS");
        }

        if (!protocol.HasTls)
            throw new UsageException($"--tls {Tls}: {protocol.Name} has no way to ask for TLS; rpc and nfs have");
        if (policy == TlsPolicy.Required && endpoints.FirstOrDefault(one => !one.Kind.IsStream()) is { } other)
            throw new UsageException($"--tls required: {other} keeps the boundaries of messages, and TLS is for streams; tcp: and unix: are, or write --tls optional");
        if (TlsCertificate is null || TlsKey is null)
            throw new UsageException($"--tls {Tls}: write --tls-cert FILE and --tls-key FILE too");
        return new() { Policy = policy, CertificateFile = TlsCertificate, KeyFile = TlsKey, ClientCaFile = TlsClientCa };
    }

    private ServerOptions Limits(ServerModelEntry model, int files)
    {
        const int Mebibyte = 1 << 20;
        ServerOptions usual = new();
        long memory = MaxMemory is null ? usual.MaxMemory : Values.LongBytes("--max-memory", MaxMemory, Mebibyte, long.MaxValue);
        int children = MaxChildren is { } wanted
            ? Values.Number("--max-children", wanted, 1, 1_000_000)
            : (int)Math.Clamp(memory / Mebibyte, 1, usual.MaxChildren);
        return Limits(model, memory, children, files);
    }

    private ServerOptions Limits(ServerModelEntry model, long memory, int children, int files) => new()
    {
        Workers = Values.Number("--workers", Workers, 1, 10_000),
        Reactors = Values.Number("--reactors", Reactors, 0, 1024),
        Spin = SpinTime(model),
        MaxCallsInProgress = Values.Number("--max-calls", MaxCalls, 1, 1_000_000),
        MaxQueuedCalls = Values.Number("--max-queued-calls", MaxQueuedCalls, 1, 1_000_000),
        QueueLength = Values.Number("--queue", Queue, 1, 1_000_000),
        MaxChildren = children,
        SpareChildren = Spares(model, children),
        MaxThreads = Values.Number("--max-threads", MaxThreads, 1, 1_000_000),
        MaxConnections = ServerSockets.ConnectionLimit(Values.Number("--max-connections", MaxConnections, 0, int.MaxValue), inOneProcess: !model.Forks, files),
        MaxPendingOutput = Values.Bytes("--max-pending", MaxPending, 1, 1 << 30),
        MaxMemory = memory,
        IdleTimeout = Values.Time("--idle-timeout", IdleTimeout),
        RequestTimeout = RequestTimeout is null ? UsualRequestTimeout() : Values.Time("--request-timeout", RequestTimeout),
        DrainTime = Values.Time("--drain", Drain),
    };

    private TimeSpan SpinTime(ServerModelEntry model)
    {
        TimeSpan time = Values.ShortTime("--spin", Spin);
        return time == TimeSpan.Zero || model.Spins ? time
            : throw new UsageException($"--spin {Spin}: {model.Name} has no loop; " + string.Join(", ", ServerModelCatalog.All.Where(one => one.Spins).Select(one => one.Name)) + " have one");
    }

    private int Spares(ServerModelEntry model, int children)
    {
        int spares = Values.Number("--spare", Spare, 0, 1_000_000);
        if (spares > 0 && !model.ForksEach)
        {
            throw new UsageException($"--spare {spares}: {model.Name} forks no child for each connection; "
                + string.Join(", ", ServerModelCatalog.All.Where(one => one.ForksEach).Select(one => one.Name)) + " does");
        }

        return spares <= children ? spares : throw new UsageException($"--spare {spares}: there are at most {children} children at a time; --max-children allows more");
    }

    private NfsServerOptions? Files(ProtocolEntry protocol)
    {
        Export[] exports = [.. Exports.Select(text => Values.Parsed("--export", text, Export.Parse))];
        if (protocol.Name != ProtocolCatalog.Nfs)
        {
            return exports.Length == 0 && State is null
                ? null
                : throw new UsageException($"{(State is null ? "--export" : "--state")}: {protocol.Name} serves no files; --protocol {ProtocolCatalog.Nfs} does");
        }

        if (exports.Length == 0)
            throw new UsageException($"--protocol {ProtocolCatalog.Nfs}: add --export with a directory to serve: {Export.Form}");
        if (exports.GroupBy(export => export.Name).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new UsageException($"--export: two are called {twice.Key}; name one by DIR=/NAME");
        if (exports.FirstOrDefault(export => !Directory.Exists(export.Directory)) is { } missing)
            throw new UsageException($"--export {missing.Directory}: there is no such directory");
        NfsServerOptions usual = new() { Exports = exports };
        return usual with
        {
            StateDirectory = State ?? usual.StateDirectory,
            OpenFiles = Values.Number("--open-files", OpenFiles, 1, 1_000_000),
            ListingCache = Values.LongBytes("--listing-cache", ListingCache, 0, 64L << 30),
            KnownUsers = Values.Number("--known-users", KnownUsers, 1, 1_000_000),
            Mounts = Values.Number("--mounts", Mounts, 1, 100_000),
        };
    }

    // Where silence is given less time, so is a request.
    private TimeSpan UsualRequestTimeout()
    {
        TimeSpan usual = new ServerOptions().RequestTimeout, idle = Values.Time("--idle-timeout", IdleTimeout);
        return idle > TimeSpan.Zero && idle < usual ? idle : usual;
    }

    private ReplyCacheOptions? RepliesToRemember()
    {
        int entries = Values.Number("--reply-cache", ReplyCache, 0, 1 << 20);
        TimeSpan time = Values.PositiveTime("--reply-cache-time", ReplyCacheTime);
        return entries == 0 ? null : new() { Entries = entries, Time = time };
    }
}
