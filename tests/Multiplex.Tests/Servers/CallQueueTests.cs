using Multiplex.Servers.Reactors;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Servers;

/// <summary>The queue between a reactor and its workers.</summary>
public class CallQueueTests
{
    private const int Workers = 8;

    [Test]
    public void As_many_calls_as_there_are_workers_are_taken_at_the_same_time()
    {
        const int Rounds = 300;
        CallQueue queue = new();
        using Barrier together = new(Workers);
        Background<int>[] workers = [.. Enumerable.Range(0, Workers).Select(_ => Background.Run(() =>
        {
            int taken = 0;
            for (; queue.TryTake(out HandedCall? _); taken++)
                Assert.That(together.SignalAndWait(Eventually.Deadline), Is.True, "a call lies there, and a worker sleeps");
            return taken;
        }))];
        for (int i = 0; i < Rounds * Workers; i++)
        {
            queue.Add(new());
            if (Random.Shared.Next(10) == 0)
                Thread.Yield();
        }

        Eventually.Holds(() => together.CurrentPhaseNumber == Rounds, "all calls are taken");
        queue.Complete();
        Assert.That(workers.Select(worker => worker.Result()), Is.All.EqualTo(Rounds));
    }

    [Test]
    public void Each_call_is_taken_once_and_what_is_left_when_it_is_completed_too()
    {
        const int Calls = 20_000;
        CallQueue queue = new();
        HashSet<HandedCall> taken = [];
        Background<bool>[] workers = [.. Enumerable.Range(0, Workers).Select(_ => Background.Run(() =>
        {
            while (queue.TryTake(out HandedCall? call))
            {
                lock (taken)
                    Assert.That(taken.Add(call), Is.True, "for the first time");
            }
        }))];
        for (int i = 0; i < Calls; i++)
            queue.Add(new());
        queue.Complete();
        Assert.That(workers.Select(worker => worker.Result()), Is.All.True);
        Assert.That(taken, Has.Count.EqualTo(Calls));
    }
}
