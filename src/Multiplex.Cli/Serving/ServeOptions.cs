using CommandLine;
using Multiplex.Cli.Engines;
using Multiplex.Cli.Options;
using Multiplex.Nfs.Exports;
using Multiplex.Protocols;
using Multiplex.Sockets;
using Multiplex.Sockets.Networks;

namespace Multiplex.Cli.Serving;

/// <summary>The options of <c>serve</c> as they are written, in the order of its help.</summary>
internal abstract class ServeOptions
{
    [Section("What is served")]
    [Option("model", Required = true, MetaValue = "MODEL", HelpText = "The server model: see multiplex models.")]
    public string Model { get; set; } = "";

    [Option("protocol", Default = "rpc", MetaValue = "PROTOCOL", HelpText = "echo (RFC 862), rpc (ONC RPC, multiplex.x) or nfs (NFS version 3 and MOUNT).")]
    public string Protocol { get; set; } = "";

    [Option("listen", Required = true, MetaValue = "ENDPOINT", HelpText = "Where to serve: " + Endpoint.Forms + ", or fd:NAME for the sockets that a service manager passes by that name; may be given several times.")]
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

    [Option("reply-store", MetaValue = "URL", HelpText = $"Share with other servers which calls they have run, so that a client may repeat its call to another one and it is run once: {RedisAddress.Form}. Of rpc, on models that do not fork.")]
    public string? ReplyStore { get; set; }

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

    [Option("takeover", MetaValue = "ENDPOINT", HelpText = "A UNIX-domain stream such as unix:@NAME at which a running server hands its sockets and remembered replies over to this one, and this one to the next.")]
    public string? TakeoverAt { get; set; }

    [Option("fd-store", HelpText = "Store the remembered replies with the service manager, so that the server knows repeated calls after a restart too.")]
    public bool FdStore { get; set; }

    [Option("counters", MetaValue = "FILE", HelpText = "Keep the counters in this file, for others to read while the server runs.")]
    public string? CountersFile { get; set; }

    [Section("Metrics")]
    [Option("metrics", MetaValue = "ENDPOINT", HelpText = "Serve metrics for Prometheus by HTTP at this tcp: or unix: endpoint, path /metrics.")]
    public string? MetricsAt { get; set; }

    [Section("Logs")]
    [Option("log-level", Default = "warning", MetaValue = "error|warning|info|debug", HelpText = "Which events are lines on standard error: these, and what matters more.")]
    public string LogLevel { get; set; } = "";

    [Option("log", Default = "text", MetaValue = "text|json", HelpText = "What a line of the logs is: text, or an object of JSON.")]
    public string LogForm { get; set; } = "";

    [Option("access-log", MetaValue = "FILE", HelpText = "Append a line for each call to this file; - is standard error.")]
    public string? AccessLog { get; set; }

    [Option("access-log-sample", Default = 1, MetaValue = "N", HelpText = "One call of N has a line in the access log.")]
    public int AccessLogSample { get; set; }

    [Section("Name service")]
    [Option("register", HelpText = "Register the program with this machine's name service (rpcbind) while it is served.")]
    public bool Register { get; set; }

    [Option("rpcbind", MetaValue = "ENDPOINT", HelpText = "Register with the name service at this endpoint instead; implies --register.")]
    public string? NameServiceAt { get; set; }

    [Option("register-at", MetaValue = "URL", HelpText = $"Register the program, without a name service, in an etcd that many machines share, while it is served: {FleetEngines.Form}.")]
    public string? RegisterAt { get; set; }

    [Option("advertise", MetaValue = "ADDRESS,…", HelpText = FleetEngines.AdvertiseHelp)]
    public string? Advertise { get; set; }

    [Option("lease", MetaValue = "TIME", HelpText = FleetEngines.LeaseHelp)]
    public string? Lease { get; set; }

    [Option("register-interval", Default = "30s", MetaValue = "TIME", HelpText = "How often to look whether the name service, which may have been started anew, still knows the server.")]
    public string RegisterInterval { get; set; } = "";

    [Section("Clients")]
    [Option("allow", MetaValue = "NETWORKS", HelpText = "The clients that are served: " + PeerNetworks.Form + ". Connections of others are closed when they are accepted, their datagrams dropped. Without it: all.")]
    public string? Allow { get; set; }

    [Option("deny", MetaValue = "NETWORKS", HelpText = "The clients that are not served, though --allow may have them.")]
    public string? Deny { get; set; }

    [Option("max-connections-per-address", Default = 0, MetaValue = "N", HelpText = "Connections at a time of one IPv4 address, of the first 64 bits of an IPv6 address, or of one user of UNIX-domain sockets; one more is closed. 0: no limit.")]
    public int MaxConnectionsPerAddress { get; set; }

    [Option("max-calls-per-second", Default = 0, MetaValue = "N", HelpText = "Calls of one such client in a second; past it nothing is received from its connections until it may make the next, and its datagrams are dropped. 0: no limit.")]
    public int MaxCallsPerSecond { get; set; }

    [Option("proxy-protocol", MetaValue = "NETWORKS", HelpText = "Where the proxies are that begin each connection over tcp: and unix: with a header of the PROXY protocol, version 1 or 2, such as HAProxy by send-proxy-v2: " + PeerNetworks.Form + ". The client that it names is the client. From there the header must come; connections of others are served as they are.")]
    public string? ProxyProtocol { get; set; }

    [Section("Least privilege")]
    [Option("user", MetaValue = "USER[:GROUP]", HelpText = "Become this user once the sockets and files are open, with its groups, or with that group alone. For root.")]
    public string? User { get; set; }

    [Option("chroot", MetaValue = "DIR", HelpText = "See no files but those below this folder from then on, chroot(2). For root; not for nfs, and not with --register.")]
    public string? Chroot { get; set; }

    [Option("socket-mode", MetaValue = "MODE", HelpText = "Permissions of UNIX-domain sockets with a path, in octal, such as 0660. Without it: what the umask leaves.")]
    public string? SocketMode { get; set; }

    [Option("socket-owner", MetaValue = "USER[:GROUP]", HelpText = "The owner of UNIX-domain sockets with a path. For root; a group of one's own may be given by others.")]
    public string? SocketOwner { get; set; }

    [Section("Configuration file")]
    [Option("config", MetaValue = "FILE", HelpText = "Options in TOML, by their names: idle-timeout = \"5m\". What the command line says counts. SIGHUP, which stops a server otherwise, reads it again: see check-config.")]
    public string? Config { get; set; }
}
