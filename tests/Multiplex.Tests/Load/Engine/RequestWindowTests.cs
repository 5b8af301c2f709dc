using Multiplex.Load.Engine;

namespace Multiplex.Tests.Load.Engine;

public class RequestWindowTests
{
    private static uint[] SendAll(RequestWindow window) => [.. Enumerable.Range(0, window.Depth).Select(_ => window.Send(dueAt: 4, now: 5))];

    [Test]
    public void Replies_in_order_are_due_in_the_order_of_asking()
    {
        RequestWindow window = new(depth: 3);
        Queue<uint> sent = new(SendAll(window));
        for (int i = 0; i < 20; i++)
        {
            Assert.That(window.Due, Is.EqualTo(sent.Peek()));
            Assert.That(window.Answer(sent.Dequeue()), Is.EqualTo(new RequestTimes(4, 5)));
            sent.Enqueue(window.Send(dueAt: 4, now: 5));
            Assert.That(window.InFlight, Is.EqualTo(3));
        }
    }

    [Test]
    public void A_request_may_stay_unanswered_while_others_pass_it_many_times()
    {
        RequestWindow window = new(depth: 2);
        uint slow = SendAll(window)[0], quick = window.LastOf(1);
        for (int i = 0; i < 1000; i++)
        {
            Assert.That(window.Answer(quick).SentAt, Is.EqualTo(5 + Math.Min(i, 1)));
            quick = window.Send(dueAt: 6, now: 6);
            Assert.That(quick, Is.Not.EqualTo(slow));
        }

        Assert.That(window.HasOlder(6), Is.True);
        Assert.That(window.Answer(slow).SentAt, Is.EqualTo(5));
        Assert.That(window.HasOlder(6), Is.False);
    }

    [Test]
    public void What_is_answered_already_or_was_never_sent_is_not_under_way()
    {
        RequestWindow window = new(depth: 3);
        uint[] sent = SendAll(window);
        Assert.That(sent, Is.EqualTo(new uint[] { 0, 1, 2 }));
        foreach (uint never in new uint[] { 3, 4, 7, uint.MaxValue, 0x8000_0000 })
        {
            Assert.That(window.Answer(never).SentAt, Is.Zero, $"{never}");
            Assert.That(window.WasSent(never), Is.False, $"{never}");
        }

        Assert.That(window.Answer(1).SentAt, Is.EqualTo(5));
        Assert.That(window.Answer(1).SentAt, Is.Zero);
        Assert.That(window.WasSent(1), Is.True);
        Assert.That(window.InFlight, Is.EqualTo(2));
        window.Clear();
        Assert.That(window.InFlight, Is.Zero);
        Assert.That(window.Answer(0).SentAt, Is.Zero);
    }

    [Test]
    public void A_request_given_up_as_lost_is_remembered_once_and_not_for_ever()
    {
        LostRequests lost = new();
        Assert.That(lost.Remove(1), Is.False);
        lost.Add(1);
        Assert.That(lost.Remove(1), Is.True);
        Assert.That(lost.Remove(1), Is.False);
        for (uint i = 0; i < 5000; i++)
            lost.Add(i);
        Assert.That(lost.Remove(4999), Is.True);
        Assert.That(Enumerable.Range(0, 5000).Count(i => lost.Remove((uint)i)), Is.EqualTo(1023));
    }
}
