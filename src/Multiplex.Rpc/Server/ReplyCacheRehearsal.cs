using Multiplex.Sockets;

namespace Multiplex.Rpc;

/// <summary>
/// Has all that a <see cref="ReplyCache"/> does done once, before a server's first fork: what is compiled and bound then, no child has
/// to compile and bind again.
/// </summary>
internal static class ReplyCacheRehearsal
{
    private static int s_done;

    /// <summary>Does it, the first time.</summary>
    public static void Once()
    {
        if (Interlocked.Exchange(ref s_done, 1) != 0)
            return;
        using ServerCounters scratch = new();
        using ReplyCache cache = new(scratch, new() { Entries = 1 });
        OutputBuffer reply = new();
        RpcCredential sys = new(AuthenticationFlavor.Sys, [0x80, .. new byte[19]]);   // a random stamp
        Peer peer = new(EndpointKind.Tcp, new byte[16]);

        // One that is asked for in progress and afterwards, then as many in progress as there is room for, and one more; and one that did not run.
        ReplyCache.Entry first = Begin(cache, 0, peer, sys, reply, argumentsLength: 8);
        Begin(cache, 0, peer, sys, reply, argumentsLength: 8);
        cache.Complete(first, default);
        Begin(cache, 0, peer, sys, reply, argumentsLength: 8);
        ReplyCache.Entry[] entries = new ReplyCache.Entry[1 + ReplyCache.Spare];
        for (int i = 0; i < entries.Length; i++)
            entries[i] = Begin(cache, (uint)i + 1, peer, default, reply, argumentsLength: 40 * i);   // XxHash3 has several ways
        Begin(cache, uint.MaxValue, peer, default, reply, argumentsLength: 4096);
        foreach (ReplyCache.Entry entry in entries)
            cache.Complete(entry, new byte[4096]);
        Begin(cache, 1, peer, default, reply, argumentsLength: 0);
        cache.Forget(Begin(cache, 0, peer, default, reply, argumentsLength: 4));
        SharedMutex.Rehearse();
        if (scratch[Counter.ReplyCacheHits] != 2 || scratch[Counter.ReplyCacheDrops] != 1 || scratch[Counter.ReplyCacheRefusals] != 1)
            throw new InvalidOperationException($"the rehearsal of the reply cache failed: {scratch.Summary()}");
    }

    private static ReplyCache.Entry Begin(
        ReplyCache cache, uint xid, in Peer peer, RpcCredential credential, OutputBuffer reply, int argumentsLength)
    {
        cache.Begin(new RpcCall(xid, 0, 0, 0, peer, credential), new byte[argumentsLength], reply, out ReplyCache.Entry entry);
        return entry;
    }
}
