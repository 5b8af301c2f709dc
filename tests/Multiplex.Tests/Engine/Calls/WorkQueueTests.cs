using Multiplex.Engine.Calls;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Engine.Calls;

/// <summary>The queue between a reactor and its workers.</summary>
public class WorkQueueTests
{
    private const int Workers = 8;

    [Test]
    public void As_many_calls_as_there_are_workers_are_taken_at_the_same_time()
    {
        const int Rounds = 300;
        WorkQueue queue = new(Workers, mostOfOne: Workers);
        using Barrier together = new(Workers);
        Background<int>[] workers = [.. Enumerable.Range(0, Workers).Select(_ => Background.Run(() =>
        {
            int taken = 0;
            for (CallFlow? flow = null; queue.TryTake(out WorkItem? call, flow); taken++, flow = call.Flow)
                Assert.That(together.SignalAndWait(Eventually.Deadline), Is.True, "a call lies there, and a worker sleeps");
            return taken;
        }))];
        for (int i = 0; i < Rounds * Workers; i++)
        {
            Add(queue, Call(new()));
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
        WorkQueue queue = new(Workers, mostOfOne: Workers);
        HashSet<WorkItem> taken = [];
        Background<bool>[] workers = [.. Enumerable.Range(0, Workers).Select(_ => Background.Run(() =>
        {
            for (CallFlow? flow = null; queue.TryTake(out WorkItem? call, flow); flow = call.Flow)
            {
                lock (taken)
                    Assert.That(taken.Add(call), Is.True, "for the first time");
            }
        }))];
        CallFlow[] flows = [.. Enumerable.Range(0, 5).Select(_ => new CallFlow())];
        for (int i = 0; i < Calls; i++)
            Add(queue, Call(flows[Random.Shared.Next(flows.Length)]));
        queue.Complete();
        Assert.That(workers.Select(worker => worker.Result()), Is.All.True);
        Assert.That(taken, Has.Count.EqualTo(Calls));
    }

    [Test]
    public void A_flow_takes_no_more_workers_than_it_leaves_free_and_the_fewest_running_come_first()
    {
        WorkQueue queue = ThatWaitsForNothing(mostOfOne: Workers);
        CallFlow greedy = new(), second = new(), third = new();
        AddAll(queue, greedy, 20);
        Assert.That(TakeAll(queue), Is.EqualTo(Enumerable.Repeat(greedy, 4)), "half of them");
        AddAll(queue, second, 20);
        Assert.That(TakeAll(queue), Is.EqualTo(Enumerable.Repeat(second, 2)), "half of the rest");
        AddAll(queue, third, 20);
        Assert.That(TakeAll(queue), Is.EqualTo((CallFlow[])[third]));
        CallFlow[] others = [new(), new()];
        AddAll(queue, others[0], 1);
        Assert.That(Take(queue), Is.EqualTo(others[0]), "the last one");
        AddAll(queue, others[1], 1);

        // The first worker that is free takes a call of the flow that has none running, though the others have waited longer.
        Assert.That(Take(queue, finished: greedy), Is.EqualTo(others[1]));
        Assert.That(Take(queue, finished: others[0]), Is.Null, "the last worker is for a flow that has none");
    }

    [Test]
    public void Calls_of_one_flow_run_in_their_order_and_no_more_at_a_time_than_it_may()
    {
        WorkQueue queue = ThatWaitsForNothing(mostOfOne: 1);
        CallFlow flow = new();
        WorkItem[] calls = [.. Enumerable.Range(0, 5).Select(_ => Call(flow))];
        Array.ForEach(calls, call => Add(queue, call));
        CallFlow? finished = null;
        foreach (WorkItem call in calls)
        {
            Assert.That(queue.TryTake(out WorkItem? taken, finished), Is.True);
            Assert.That(taken, Is.SameAs(call));
            finished = flow;
            Assert.That(TakeAll(queue), Is.Empty);
        }
    }

    [Test]
    public void Calls_that_are_dropped_are_not_taken_and_those_of_others_are()
    {
        WorkQueue queue = ThatWaitsForNothing(mostOfOne: Workers);
        CallFlow gone = new(), other = new();
        AddAll(queue, gone, 10);
        Assert.That(Take(queue), Is.EqualTo(gone));
        AddAll(queue, other, 1);
        int dropped = 0;
        for (WorkItem? call = queue.Drop(gone); call is not null; call = call.Next)
            dropped++;
        Assert.That(dropped, Is.EqualTo(9));
        Assert.That(queue.Drop(gone), Is.Null);
        Assert.That(queue.Waiting, Is.EqualTo(1));
        Assert.That(TakeAll(queue), Is.EqualTo((CallFlow[])[other]));
    }

    [Test]
    public void Calls_that_are_added_together_count_one_by_one_and_run_in_their_order_behind_those_of_before()
    {
        WorkQueue queue = ThatWaitsForNothing(mostOfOne: 1);
        CallFlow flow = new();
        WorkItem[] calls = [.. Enumerable.Range(0, 5).Select(_ => Call(flow))];
        Add(queue, calls[0]);
        for (int i = 1; i < 4; i++)
            calls[i].Next = calls[i + 1];
        queue.Add(flow, calls[1], calls[4], count: 4);
        Assert.That(queue.Waiting, Is.EqualTo(calls.Length));
        CallFlow? finished = null;
        foreach (WorkItem call in calls)
        {
            Assert.That(queue.TryTake(out WorkItem? taken, finished), Is.True);
            Assert.That(taken, Is.SameAs(call));
            finished = flow;
        }

        Assert.That(queue.Waiting, Is.Zero);
    }

    private static WorkQueue ThatWaitsForNothing(int mostOfOne)
    {
        WorkQueue queue = new(Workers, mostOfOne);
        queue.Complete();
        return queue;
    }

    private static WorkItem Call(CallFlow flow) => new() { Flow = flow };

    private static void AddAll(WorkQueue queue, CallFlow flow, int calls)
    {
        for (int i = 0; i < calls; i++)
            Add(queue, Call(flow));
    }

    private static void Add(WorkQueue queue, WorkItem call) => queue.Add(call.Flow!, call, call, count: 1);

    private static CallFlow? Take(WorkQueue queue, CallFlow? finished = null) =>
        queue.TryTake(out WorkItem? call, finished) ? call.Flow : null;

    private static List<CallFlow> TakeAll(WorkQueue queue)
    {
        List<CallFlow> taken = [];
        while (Take(queue) is { } flow)
            taken.Add(flow);
        return taken;
    }
}
