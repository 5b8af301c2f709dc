using Multiplex.Observing;

namespace Multiplex.Rpc.Server;

/// <summary>What an RPC server counts beside all others.</summary>
public static class RpcCounters
{
    private static readonly Counter s_calls = ServerCounters.Register("Calls", new("calls_total", "Calls of which the procedure was run."));
    private static readonly Counter s_replyCacheHits = ServerCounters.Register("ReplyCacheHits", new("reply_cache_hits_total", "Repeated calls that got the reply of the first one."));
    private static readonly Counter s_replyCacheDrops = ServerCounters.Register("ReplyCacheDrops", new("reply_cache_drops_total", "Repeated calls that were dropped because the first one was in progress."));
    private static readonly Counter s_replyCacheEvictions = ServerCounters.Register("ReplyCacheEvictions", new CounterMetric("reply_cache_evictions_total", "Replies forgotten before their time.") { Limit = "replies forgotten before their time, because there was no room for more" });
    private static readonly Counter s_replyCacheRefusals = ServerCounters.Register("ReplyCacheRefusals", new CounterMetric("reply_cache_refusals_total", "Calls refused because there was no room to remember them.") { Limit = "calls refused because there was no room to remember them" });
    private static readonly Counter s_storeClaims = ServerCounters.Register("StoreClaims", new("store_claims_total", "Calls that this server claimed in the reply store, to run them."));
    private static readonly Counter s_storeHits = ServerCounters.Register("StoreHits", new("store_hits_total", "Repeated calls that got the first reply from the reply store."));
    private static readonly Counter s_storeDrops = ServerCounters.Register("StoreDrops", new("store_drops_total", "Repeated calls that were dropped because a server was running the first one."));
    private static readonly Counter s_storeUnknown = ServerCounters.Register("StoreUnknown", new CounterMetric("store_unknown_total", "Repeated calls refused because their first server died, so that the outcome is unknown.") { Limit = "repeated calls refused because their first server died, so that the outcome is unknown" });
    private static readonly Counter s_storeLosses = ServerCounters.Register("StoreLosses", new CounterMetric("store_losses_total", "Calls whose claim did not stand any more when they had run.") { Limit = "calls whose claim did not stand any more when they had run" });
    private static readonly Counter s_storeFailures = ServerCounters.Register("StoreFailures", new CounterMetric("store_failures_total", "Times that the reply store could not be reached for a call.") { Limit = "calls for which the reply store could not be reached" });
    private static readonly Counter s_storeBypasses = ServerCounters.Register("StoreBypasses", new("store_bypasses_total", "Calls that did not go to the reply store because no credential tells their client from others."));

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

        /// <summary>Calls that this server claimed in <see cref="RpcProtocol.ReplyStore"/>, to run them.</summary>
        public static Counter StoreClaims => s_storeClaims;

        /// <summary>Repeated calls that got the first reply from the store, whichever server made it.</summary>
        public static Counter StoreHits => s_storeHits;

        /// <summary>Repeated calls that were dropped because a server was still running the first one.</summary>
        public static Counter StoreDrops => s_storeDrops;

        /// <summary>Repeated calls that got SYSTEM_ERR because the server of the first one died, and it is not known whether it took effect.</summary>
        public static Counter StoreUnknown => s_storeUnknown;

        /// <summary>Calls whose claim did not stand any more when they had run: this server had been taken for dead.</summary>
        public static Counter StoreLosses => s_storeLosses;

        /// <summary>Times that the store could not be reached: a call was refused before it was run, or its reply not recorded.</summary>
        public static Counter StoreFailures => s_storeFailures;

        /// <summary>Calls that did not go to the store because their credential does not tell their client from others.</summary>
        public static Counter StoreBypasses => s_storeBypasses;
    }
}
