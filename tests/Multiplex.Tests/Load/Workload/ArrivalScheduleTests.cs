using FsCheck;
using Multiplex.Load.Workload;
using Multiplex.Sockets;
using FsCheckProperty = FsCheck.NUnit.PropertyAttribute;

namespace Multiplex.Tests.Load.Workload;

/// <summary>When the requests of an open loop are due, however late the schedule is asked.</summary>
public class ArrivalScheduleTests
{
    private const long Start = 1_000_000_000_000;
    private const long Second = 1_000_000_000;

    private static ArrivalSchedule Schedule(OpenLoop arrivals, int thread = 0, int threads = 1, double warmUp = 0, double duration = 10)
    {
        LoadOptions options = new()
        {
            Server = Endpoint.Parse("unix:@nobody"),
            Exchange = () => new EchoExchange(EndpointKind.Unix, 1),
            WarmUp = TimeSpan.FromSeconds(warmUp),
            Duration = TimeSpan.FromSeconds(duration),
        };
        ArrivalSchedule schedule = new(options, arrivals, thread, threads);
        schedule.Begin(Start);
        schedule.End = Start + (long)((warmUp + duration) * Second);
        return schedule;
    }

    private static List<long> TakeAll(ArrivalSchedule schedule)
    {
        List<long> taken = [];
        while (schedule.TryTake(long.MaxValue - 1, out long due))
            taken.Add(due - Start);
        return taken;
    }

    [Test]
    public void Constant_arrivals_are_due_at_equal_distances_and_the_first_at_once() => Assert.That(
        TakeAll(Schedule(OpenLoop.At(1000), duration: 0.005)), Is.EqualTo(new long[] { 0, 1_000_000, 2_000_000, 3_000_000, 4_000_000 }));

    [Test]
    public void Several_threads_together_ask_as_one()
    {
        List<long> one = TakeAll(Schedule(OpenLoop.At(777)));
        List<long> three = [.. Enumerable.Range(0, 3).SelectMany(thread => TakeAll(Schedule(OpenLoop.At(777), thread, 3))).Order()];
        Assert.That(three, Is.EqualTo(one));
    }

    [Test]
    public void What_is_not_due_yet_is_not_asked_and_what_is_late_keeps_its_time()
    {
        ArrivalSchedule schedule = Schedule(OpenLoop.At(10));
        Assert.That(schedule.TryTake(Start, out long due), Is.True);
        Assert.That(schedule.TryTake(Start + (Second / 11), out _), Is.False);
        Assert.That(schedule.Overdue(Start + Second), Is.EqualTo(10), "those of a tenth of a second to a whole one");
        Assert.That(schedule.TryTake(Start + Second, out due), Is.True);
        Assert.That(due, Is.EqualTo(Start + (Second / 10)));
    }

    // The integral of the rate is the number of requests due: a ramp from a to b over T has (a + b) / 2 * T.
    [FsCheckProperty]
    public void A_ramp_brings_as_many_as_its_mean_rate(PositiveInt from, PositiveInt to)
    {
        (double first, double last) = ((from.Get % 5000) + 1, (to.Get % 5000) + 1);
        List<long> due = TakeAll(Schedule(new OpenLoop(first, last), warmUp: 1, duration: 4));
        Assert.That(due, Is.Ordered);
        Assert.That(due.Count, Is.EqualTo(first + ((first + last) / 2 * 4)).Within(2));
        Assert.That(due.Count(time => time < 3 * Second), Is.EqualTo(first + (first * 2) + ((last - first) / 4 * 2)).Within(2), "the warm-up, and half of it");
    }

    [Test]
    public void Poisson_arrivals_have_the_rate_and_the_spread_of_a_Poisson_process()
    {
        List<long> due = TakeAll(Schedule(OpenLoop.At(2000, ArrivalSpacing.Poisson)));
        double[] gaps = [.. due.Zip(due.Skip(1), (a, b) => (b - a) / 1e9)];
        double mean = gaps.Average(), deviation = Math.Sqrt(gaps.Average(gap => (gap - mean) * (gap - mean)));
        Assert.That(due.Count, Is.EqualTo(20_000).Within(5).Percent);
        Assert.That(deviation / mean, Is.EqualTo(1).Within(0.05), "an exponential distribution deviates by its mean");
    }

    [Test]
    public void After_the_end_nothing_is_due()
    {
        ArrivalSchedule schedule = Schedule(OpenLoop.At(100), duration: 0.1);
        Assert.That(TakeAll(schedule), Has.Count.EqualTo(10));
        Assert.That(schedule.Next, Is.EqualTo(long.MaxValue));
        Assert.That(schedule.Overdue(Start + Second), Is.Zero);
    }
}
