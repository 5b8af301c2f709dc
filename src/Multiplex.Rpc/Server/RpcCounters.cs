namespace Multiplex.Rpc.Server;

/// <summary>What an RPC server counts beside all others.</summary>
public static class RpcCounters
{
    private static readonly Counter s_calls = ServerCounters.Register("Calls");
    private static readonly Counter s_replyCacheHits = ServerCounters.Register("ReplyCacheHits");
    private static readonly Counter s_replyCacheDrops = ServerCounters.Register("ReplyCacheDrops");
    private static readonly Counter s_replyCacheEvictions = ServerCounters.Register("ReplyCacheEvictions");
    private static readonly Counter s_replyCacheRefusals = ServerCounters.Register("ReplyCacheRefusals");

    extension(Counter)
    {
        /// <summary>Calls of which the procedure was run, of any program. Repeats that get a kept reply do not count.</summary>
        public static Counter Calls => s_calls;

        /// <summary>Repeated calls that got the reply of the first one again instead of being run.</summary>
        public static Counter ReplyCacheHits => s_replyCacheHits;

        /// <summary>Repeated calls that were dropped because the first one was still in progress.</summary>
        public static Counter ReplyCacheDrops => s_replyCacheDrops;

        /// <summary>Replies forgotten before their time, because there was no room for more.</summary>
        public static Counter ReplyCacheEvictions => s_replyCacheEvictions;

        /// <summary>Calls refused, and not run, because there was no room to remember them: too many others were in progress.</summary>
        public static Counter ReplyCacheRefusals => s_replyCacheRefusals;
    }
}
