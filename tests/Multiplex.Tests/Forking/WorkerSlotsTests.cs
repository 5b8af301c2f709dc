using Multiplex.Forking;

namespace Multiplex.Tests.Forking;

/// <summary>When a worker that has ended is replaced: at once, or after growing pauses if workers die as soon as they start.</summary>
public sealed class WorkerSlotsTests
{
    private const long Start = 1_000_000;

    [Test]
    public void Every_seat_is_filled_at_first_and_then_there_is_nothing_to_wait_for()
    {
        using WorkerSlots slots = new(3);
        for (int slot = 0; slot < 3; slot++)
        {
            Assert.That(slots.NextToFill(int.MaxValue, Start, out int wait), Is.EqualTo(slot));
            Assert.That(wait, Is.Zero);
            slots.Fill(slot, pid: 100 + slot, Start);
        }

        Assert.That(slots.NextToFill(int.MaxValue, Start, out int forEver), Is.EqualTo(-1));
        Assert.That(forEver, Is.EqualTo(-1));
    }

    [TestCase(true)]
    [TestCase(false)]
    public void A_worker_that_lived_a_while_is_replaced_at_once(bool lost)
    {
        using WorkerSlots slots = new(1);
        slots.Fill(0, pid: 100, Start);
        slots.Vacate(100, lost, Start + WorkerSlots.InfancyMilliseconds);
        Assert.That(slots.NextToFill(int.MaxValue, Start + WorkerSlots.InfancyMilliseconds, out _), Is.Zero);
    }

    [Test]
    public void A_worker_that_left_in_order_is_replaced_at_once_however_young()
    {
        using WorkerSlots slots = new(1);
        slots.Fill(0, pid: 100, Start);
        slots.Vacate(100, lost: false, Start + 1);
        Assert.That(slots.NextToFill(int.MaxValue, Start + 1, out _), Is.Zero);
    }

    [Test]
    public void Early_deaths_double_the_delay_up_to_a_limit_and_a_long_life_forgets_them()
    {
        using WorkerSlots slots = new(1);
        long now = Start;
        foreach (int delay in (int[])[10, 20, 40, 80, 160, 320, 640, 1000, 1000])
        {
            slots.Fill(0, pid: 100, now);
            slots.Vacate(100, lost: true, now);
            Assert.That(slots.NextToFill(int.MaxValue, now, out int wait), Is.EqualTo(-1));
            Assert.That(wait, Is.EqualTo(delay));
            now += delay;
            Assert.That(slots.NextToFill(int.MaxValue, now, out _), Is.Zero);
        }

        slots.Fill(0, pid: 100, now);
        now += WorkerSlots.InfancyMilliseconds;
        slots.Vacate(100, lost: true, now);
        slots.Fill(0, pid: 101, now);
        slots.Vacate(101, lost: true, now);
        Assert.That(slots.NextToFill(int.MaxValue, now, out int first), Is.EqualTo(-1));
        Assert.That(first, Is.EqualTo(WorkerSlots.FirstDelayMilliseconds));
    }

    [Test]
    public void One_seat_that_is_not_to_be_filled_holds_up_no_other()
    {
        using WorkerSlots slots = new(2);
        slots.Fill(0, pid: 100, Start);
        slots.Fill(1, pid: 101, Start - WorkerSlots.InfancyMilliseconds);
        slots.Vacate(100, lost: true, Start);
        slots.Vacate(101, lost: true, Start);
        Assert.That(slots.NextToFill(int.MaxValue, Start, out _), Is.EqualTo(1));
    }

    [Test]
    public void A_worker_that_ends_in_the_middle_of_a_connection_leaves_it_behind()
    {
        using WorkerSlots slots = new(2);
        slots.Fill(0, pid: 100, Start);
        slots.Fill(1, pid: 101, Start);
        slots.IsServing(1) = 1;
        Assert.That(slots.CountServing(), Is.EqualTo(1));
        Assert.That(slots.Vacate(100, lost: true, Start), Is.False);
        Assert.That(slots.Vacate(101, lost: true, Start), Is.True);
        Assert.That(slots.CountServing(), Is.Zero);
    }

    [Test]
    public void A_process_that_has_no_seat_is_passed_over()
    {
        using WorkerSlots slots = new(1);
        Assert.That(slots.Vacate(999, lost: true, Start), Is.False);
        Assert.That(slots.NextToFill(int.MaxValue, Start, out _), Is.Zero);
    }
}
