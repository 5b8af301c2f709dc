using CommandLine;
using Multiplex.Cli.Engines;
using Multiplex.Cli.Options;
using Multiplex.Cli.Serving.Configuration;
using Multiplex.Cli.Serving.Logs;
using Multiplex.Cli.Serving.Metrics;
using Multiplex.Cli.Serving.Privileges;
using Multiplex.Cli.Serving.Upgrade;
using Multiplex.Forking;
using Multiplex.Models;
using Multiplex.Nfs.Exports;
using Multiplex.Nfs.Server;
using Multiplex.Observing;
using Multiplex.Protocols;
using Multiplex.Rpc.Server;
using Multiplex.Sockets;
using Multiplex.Sockets.Networks;
using Multiplex.Tls;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Serving;

[Verb("serve", HelpText = "Serve a protocol with a server model, until SIGTERM, SIGINT or, without --config, SIGHUP.")]
internal sealed class ServeVerb : ServeOptions, IVerb
{
    private bool _isChecked;   // and not run
    private bool _isServing;   // and checked for a server that runs

    public int Run()
    {
        ServerModelEntry model = Values.Named("--model", Model, ServerModelCatalog.All, entry => entry.Name);
        ProtocolEntry protocol = Values.Named("--protocol", Protocol, ProtocolCatalog.All, entry => entry.Name);
        ListenTarget[] targets = [.. Listen.Select(text => ListenTarget.Parse(text, model))];
        NfsServerOptions? files = Files(protocol);
        ServerOptions options = Config is null || _isChecked ? Limits(model, files?.MostDescriptors ?? 0) : Limits(model, files?.MostDescriptors ?? 0).Changeable();
        Reload? reload = Config is null || _isChecked ? null : new(this, model, files?.MostDescriptors ?? 0, options);
        int backlog = Values.Number("--backlog", Backlog, 1, 65_535);
        TimeSpan keepAlive = Values.Time("--keepalive", Probing, TimeSpan.FromHours(9));
        int maxRecord = Values.Bytes("--max-record", MaxRecord, 1024, 256 << 20);
        ReplyCacheOptions? replies = RepliesToRemember();
        EchoOptions echo = new() { AnySource = EchoAnySource, RepeatsPerSecond = Values.Number("--echo-repeats", EchoRepeats, 0, 1_000_000) };
        ReplyOrder order = Values.Named("--reply-order", ReplyOrder, Enum.GetValues<ReplyOrder>(), one => one.ToString().ToLowerInvariant());
        Endpoint? nameService = NameServiceAt is null ? null : Values.Endpoint("--rpcbind", NameServiceAt);
        TimeSpan interval = Values.PositiveTime("--register-interval", RegisterInterval);
        SideRegistrar? registrar = SideRegistrar.Of(this);
        SharedReplies? shared = SharedReplies.Of(this, model, protocol);
        TlsServerOptions? tls = TlsWanted(model, protocol);
        RequireStreams(tls, targets.Select(target => target.Endpoint).OfType<Endpoint>().Select(one => (one.ToString(), one.Kind)));
        Endpoint? metricsAt = MetricsAt is null ? null : Values.Endpoint("--metrics", MetricsAt, "HTTP is over streams: write tcp://HOST:PORT or unix:PATH", EndpointKind.Tcp, EndpointKind.Unix);
        bool registers = Register || nameService is not null || registrar is not null;
        Endpoint? takeoverAt = Inheritance.At(TakeoverAt, registers);
        bool isJson = Values.Named("--log", LogForm, ["text", "json"], one => one) == "json";
        int sample = Values.Number("--access-log-sample", AccessLogSample, 1, 1_000_000);
        if (AccessLog is not null && protocol.Programs.Count == 0)
            throw new UsageException($"--access-log: {protocol.Name} has no calls to log; {string.Join(" and ", ProtocolCatalog.All.Where(one => one.Programs.Count > 0).Select(one => one.Name))} have");
        if (AccessLog is null && sample > 1)
            throw new UsageException($"--access-log-sample {sample}: it is for --access-log FILE");
        EventLevel level = LevelOfLog();
        if (_isServing)
            return ExitStatus.Done;   // the server may be another user by now, or have another root, and not see the files that are looked at next
        if (!_isChecked)
            shared?.FindEngine();   // in multiplex, the process goes on as multiplex-fleet
        Log.Configure(level, isJson);
        LeastPrivilege privilege = LeastPrivilege.Of(this, model, protocol);
        SocketRights? rights = SocketRights.Of(this, targets);
        if (model.Forks && !_isChecked)
            ForkRuntime.Enter();
        else if (!_isChecked)
            BlockedSignals.Enter();

        // Before the sockets are opened: a certificate or key file may be invalid.
        if (tls is not null)
            TlsContext.ForServer(tls, protocol.Name).Dispose();
        if (_isChecked)
            return ExitStatus.Done;

        // Not disposed: a procedure that runs longer than the time to drain may still use the counters, and a signal may still arrive.
        ServerCounters counters = CountersFile is null ? ServerCounters.Watchable() : new(CountersFile);
        if (Chroot is not null)
            ServiceManager.StayConnected();
        Action? hangUp = reload is null ? null : reload.Run;
        StopSignal stop = model.Forks ? StopSignal.BySignal(hangUp) : StopSignal.ByRequest();
        StopBySignals? signals = stop is StopSource requestable ? new(requestable, options, counters, hangUp) : null;
        AccessLogFile? accessLog = AccessLog is null ? null : new(AccessLog, model.Forks, counters);
        using MetricsEndpoint? metrics = metricsAt is null ? null : new(metricsAt, model.Forks);
        using ISharedReplies? store = shared?.Open();
        if (signals is not null && !registers && store is null)
            OwnDescriptors.Take();
        metrics?.Open();
        counters.ReportLimits();
        Inheritance inherited = Inheritance.Take(takeoverAt, keepsMemory: takeoverAt is not null || FdStore, targets, model, keepAlive);
        ServerSockets Open() => ServerSockets.Open(targets, inherited.Sockets, backlog, model.Loops(options), keepAlive);
        ServerSockets sockets = rights is null ? Open() : rights.Open(Open);
        Listener? offeredAt = takeoverAt is null ? null : inherited.Takeover?.Offer ?? Listener.Open(takeoverAt, HandoverOffer.Backlog);
        signals?.Sockets = new([.. sockets.All, .. metrics?.Sockets.All ?? []]);
        RequireStreams(tls, sockets.All.Select(one => (one.Asked, one.Kind)));
        ProtocolLimits limits = new(maxRecord, replies is null ? null : replies with { Memory = inherited.Memory }, order, echo with { OwnPorts = sockets.UdpPorts }, files, tls, inherited.Memory)
        {
            ReplyStore = store?.Store,
            MeasuresCalls = metrics is not null,
            CallLog = accessLog is null ? null : new(accessLog.Add, isJson, sample),
        };
        HandoverOffer? offer = null;
        Registered? registered = null;
        Service service = new(sockets.Listeners, protocol.Create(counters, limits), options, counters, stop)
        {
            Datagrams = sockets.Datagrams,
            AliveInterval = ServiceManager.WatchdogInterval(),
            Alive = ServiceManager.Alive,
            Ready = () =>
            {
                inherited.Takeover?.Begin();
                offer?.Open();
                sockets.Announce(model.Name, protocol.Name);
                privilege.Warn();
                Log.Info("started", $"the server serves {protocol.Name} by {model.Name} at {string.Join(", ", sockets.All.Select(socket => socket.Local))}");
                ServiceManager.Ready($"{protocol.Name} by {model.Name} at {string.Join(", ", sockets.All.Select(socket => socket.Local))}");
                StartedPages.Drop();
            },
            Resting = StartedPages.Drop,
            Stopping = () =>
            {
                offer?.Close();
                Log.Info("stopping", "the server stops: calls in progress are answered");
                ServiceManager.Stopping();
                registered?.Remove();
            },
        };
        reload?.Protocol = service.Protocol as RpcProtocol;
        inherited.ReportUnused();
        if (FdStore)
            inherited.Store();
        privilege.Enter();
        if (offeredAt is not null)
            offer = new(offeredAt, sockets, inherited.Memory!, counters, model.Forks);
        if (model.Forks)
            inherited.Takeover?.Own();
        if (metrics is not null)
        {
            counters.CountsBytes = true;
            metrics.Start(new(counters, service.Protocol, model.Name, protocol.Name), [stop.Descriptor, .. sockets.All.Select(one => one.Descriptor)]);
            foreach (BoundSocket socket in metrics.Sockets.All)
                Log.Notice("metrics", $"metrics are at {socket.Local}, path /metrics");
        }

        using Registered? registration = registered = registers
            ? registrar is null ? Registered.Make(nameService, protocol, sockets, stop, interval, model.Forks) : Registered.MakeInEngine(registrar, protocol, sockets, stop)
            : null;
        if (files is not null && !NfsServer.ActsAsCallers && !files.Exports.All(export => export.AllSquash && export.AnonymousUser == geteuid()))
            Log.Warning("not_root", $"without root's privileges calls of other users than {geteuid()} are refused; an export with all_squash,anonuid={geteuid()},anongid={getegid()} serves all as this user");
        if (!model.Forks)
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);   // frees garbage of the start; models that fork do it themselves
        sockets.Serve(() => model.Create().Run(service));
        signals?.Finish();
        Log.Info("drained", "the server has drained");
        accessLog?.Flush();
        Log.Counted(counters);
        return stop.Requests() > 1 ? ExitStatus.Failed : ExitStatus.Done;
    }

    /// <summary>What <c>--log-level</c> is.</summary>
    public EventLevel LevelOfLog() => Values.Named("--log-level", LogLevel, Log.Levels, one => one.ToString().ToLowerInvariant());

    /// <summary>Looks for mistakes in the options, as <see cref="Run"/> does before it opens sockets.</summary>
    /// <param name="isServing">Whether they are for a server that runs already, so that users, folders and keys are not looked at.</param>
    /// <exception cref="UsageException">There is one.</exception>
    public void Check(bool isServing = false)
    {
        (_isChecked, _isServing) = (true, isServing);
        Run();
    }

    /// <summary>The limits that the options ask for.</summary>
    public ServerOptions Limits()
    {
        ServerModelEntry model = Values.Named("--model", Model, ServerModelCatalog.All, entry => entry.Name);
        return Limits(model, Files(Values.Named("--protocol", Protocol, ProtocolCatalog.All, entry => entry.Name))?.MostDescriptors ?? 0);
    }

    /// <summary>The connections that the options ask for, and that are possible where the server is by this model and opens so many descriptors of files.</summary>
    public int MostConnections(ServerModelEntry model, int files) =>
        ServerSockets.ConnectionLimit(Values.Number("--max-connections", MaxConnections, 0, int.MaxValue), inOneProcess: !model.Forks, files);

    /// <summary>The TLS that the options ask for; null: none.</summary>
    public TlsServerOptions? TlsWanted() => TlsWanted(
        Values.Named("--model", Model, ServerModelCatalog.All, entry => entry.Name), Values.Named("--protocol", Protocol, ProtocolCatalog.All, entry => entry.Name));

    private TlsServerOptions? TlsWanted(ServerModelEntry model, ProtocolEntry protocol)
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
        if (TlsCertificate is null || TlsKey is null)
            throw new UsageException($"--tls {Tls}: write --tls-cert FILE and --tls-key FILE too");
        return new() { Policy = policy, CertificateFile = TlsCertificate, KeyFile = TlsKey, ClientCaFile = TlsClientCa };
    }

    private static void RequireStreams(TlsServerOptions? tls, IEnumerable<(string Text, EndpointKind Kind)> sockets)
    {
        if (tls?.Policy == TlsPolicy.Required && sockets.FirstOrDefault(one => !one.Kind.IsStream()).Text is { } other)
            throw new UsageException($"--tls required: {other} keeps the boundaries of messages, and TLS is for streams; tcp: and unix: are, or write --tls optional");
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
        Reactors = LoopsOf(model),
        Spin = SpinTime(model),
        MaxCallsInProgress = Values.Number("--max-calls", MaxCalls, 1, 1_000_000),
        MaxQueuedCalls = Values.Number("--max-queued-calls", MaxQueuedCalls, 1, 1_000_000),
        QueueLength = Values.Number("--queue", Queue, 1, 1_000_000),
        MaxChildren = children,
        SpareChildren = Spares(model, children),
        MaxThreads = Values.Number("--max-threads", MaxThreads, 1, 1_000_000),
        MaxConnections = MostConnections(model, files),
        MaxPendingOutput = Values.Bytes("--max-pending", MaxPending, 1, 1 << 30),
        MaxMemory = memory,
        MaxConnectionsPerAddress = Values.Number("--max-connections-per-address", MaxConnectionsPerAddress, 0, 1_000_000),
        MaxCallsPerSecond = Values.Number("--max-calls-per-second", MaxCallsPerSecond, 0, 1_000_000),
        Allowed = ChangeableNetworks("--allow", Allow),
        Denied = ChangeableNetworks("--deny", Deny),
        Proxies = Networks("--proxy-protocol", ProxyProtocol),
        IdleTimeout = Values.Time("--idle-timeout", IdleTimeout),
        RequestTimeout = RequestTimeout is null ? UsualRequestTimeout() : Values.Time("--request-timeout", RequestTimeout),
        DrainTime = Values.Time("--drain", Drain),
    };

    private static PeerNetworks? Networks(string option, string? text) => text is null ? null : Values.Parsed(option, text, PeerNetworks.Parse);

    // With a configuration file they may change: they are in memory of a fixed size.
    private PeerNetworks? ChangeableNetworks(string option, string? text) => Config is null || text?.Length is null or <= ServerOptions.MostBytesOfNetworks
        ? Networks(option, text)
        : throw new UsageException($"{option}: with --config it has at most {ServerOptions.MostBytesOfNetworks} bytes, and this has {text.Length}; write fewer or wider networks");

    private TimeSpan SpinTime(ServerModelEntry model)
    {
        TimeSpan time = Values.ShortTime("--spin", Spin);
        return time == TimeSpan.Zero || model.Spins ? time
            : throw new UsageException($"--spin {Spin}: {model.Name} has no loop; " + string.Join(", ", ServerModelCatalog.All.Where(one => one.Spins).Select(one => one.Name)) + " have one");
    }

    private int LoopsOf(ServerModelEntry model)
    {
        int reactors = Values.Number("--reactors", Reactors, 0, 1024);
        return reactors == 0 || HasReactors(model) ? reactors
            : throw new UsageException($"--reactors {reactors}: {model.Name} has no reactors; " + string.Join(", ", ServerModelCatalog.All.Where(HasReactors).Select(one => one.Name)) + " have them");
    }

    private static bool HasReactors(ServerModelEntry model) => model.Loops(new() { Reactors = 2 }) == 2;

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
        if (!_isServing && exports.FirstOrDefault(export => !Directory.Exists(export.Directory)) is { } missing)
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

    // If the idle timeout is shorter than the usual request timeout, it limits requests too.
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
