using System.Collections.Concurrent;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Rpc.Server;

/// <summary>Whatever is repeated, by any caller and on any number of threads: each call is run once, and all replies to it are the same.</summary>
public class ReplyCachePropertyTests() : ReplyCacheFixture(Form.Record)
{
    private const int Threads = 4;

    [FsCheck.NUnit.Property(MaxTest = 100)]
    public void Any_interleaving_of_repeats_is_one_run_of_each_call((byte Client, byte Xid)[] calls, bool withCredential)
    {
        Remember();
        ConcurrentDictionary<(int Client, int Xid), ConcurrentBag<string>> replies = new();
        Background<bool>[] threads = [.. Enumerable.Range(0, Threads).Select(thread => Background.Run(() =>
        {
            foreach ((byte client, byte xid) in calls.Skip(thread).Concat(calls.Take(thread)))   // not all in the same order
                Send(client % 3, xid % 5);
        }))];
        Array.ForEach(threads, thread => thread.Result());
        Assert.That(Runs, Is.EqualTo(replies.Count));
        foreach (ConcurrentBag<string> answers in replies.Values)
            Assert.That(answers.Where(answer => answer.Length > 0).Distinct().Count(), Is.EqualTo(1), "the same for all, and at least one caller got it");

        void Send(int client, int xid)
        {
            byte[] address = WithPort(Address, (ushort)(1000 + client));
            byte[] call = withCredential ? CallAs((uint)xid, stamp: 0x8000_0000 + (uint)client) : Call((uint)xid);
            byte[] reply = Ask(call, From(address))!;
            replies.GetOrAdd((client, xid), _ => []).Add(Convert.ToHexString(reply));
        }
    }
}
