using Multiplex.Cli;
using Multiplex.Cli.Engines;
using Multiplex.Fleet.Cli;

// The command multiplex, with clients of etcd, NATS and Redis; or the process that registers a server there.
foreach (string scheme in (string[])["etcd", "etcds"])
    FleetEngines.Names[scheme] = new EtcdNames();
foreach (string scheme in RedisAddress.Schemes)
    FleetEngines.ReplyStores[scheme] = new RedisReplies();
FleetEngines.Agents = new NatsAgents();
return args is [SideRegistrar.Word, .. string[] words] ? EtcdRegistrar.Run(words) : Command.Run(args);
