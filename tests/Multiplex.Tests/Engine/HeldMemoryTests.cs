using Multiplex.Engine;

namespace Multiplex.Tests.Engine;

/// <summary>The shared table of the memory that workers' connections hold: the limit is kept, and the largest connection is closed first.</summary>
public class HeldMemoryTests
{
    private const int Unit = 100_000;   // more than is left uncounted

    private readonly List<int> _evicted = [];
    private ServerCounters _counters = null!;
    private HeldMemory _memory = null!;

    [SetUp]
    public void Make_a_board()
    {
        _evicted.Clear();
        _counters = new();
        _memory = new(new ServerOptions { MaxMemory = 10 * Unit }, _counters, places: 4, evict: _evicted.Add);
    }

    [TearDown]
    public void Remove_it()
    {
        _memory.Dispose();
        _counters.Dispose();
    }

    [Test]
    public void The_one_that_passes_the_limit_has_the_largest_closed()
    {
        HeldMemory.Holder small = Holder(1), large = Holder(2), third = Holder(3);
        Assert.That((bool[])[small.TryHold(2 * Unit), large.TryHold(6 * Unit)], Is.EqualTo((bool[])[true, true]));
        Assert.That(_counters[Counter.HeldBytes], Is.EqualTo(8 * Unit));
        Assert.That(third.TryHold(3 * Unit), Is.True);
        Assert.That(_evicted, Is.EqualTo((int[])[2]));
        Assert.That((bool[])[small.IsEvicted, large.IsEvicted, third.IsEvicted], Is.EqualTo((bool[])[false, true, false]));
        Assert.That(_counters[Counter.HeldBytes], Is.EqualTo(5 * Unit));
        Assert.That(_counters[Counter.MemoryClosed], Is.EqualTo(1));

        // It may ask for more before it has seen that it is to be closed.
        Assert.That(large.TryHold(7 * Unit), Is.False);
        Assert.That(large.Release(), Is.True);
        Assert.That(large.TryHold(Unit), Is.True, "the next connection is another");
        Assert.That(_counters[Counter.HeldBytes], Is.EqualTo(6 * Unit));
    }

    [Test]
    public void One_that_is_the_largest_itself_goes_itself()
    {
        HeldMemory.Holder small = Holder(1), large = Holder(2);
        Assert.That(small.TryHold(3 * Unit), Is.True);
        Assert.That(large.TryHold(6 * Unit), Is.True);
        Assert.That(large.TryHold(8 * Unit), Is.False);
        Assert.That(large.Release(), Is.True);
        Assert.That(small.Release(), Is.False);
        Assert.That(_counters[Counter.HeldBytes], Is.Zero);
        Assert.That(_counters[Counter.MemoryClosed], Is.EqualTo(1));
    }

    [Test]
    public void What_every_worker_has_anyway_is_not_counted()
    {
        HeldMemory.Holder holder = Holder(1);
        Assert.That(holder.TryHold(HeldMemory.Uncounted), Is.True);
        Assert.That(_counters[Counter.HeldBytes], Is.Zero);
        Assert.That(holder.TryHold(Unit), Is.True);
        Assert.That(holder.TryHold(10), Is.True);
        Assert.That(_counters[Counter.HeldBytes], Is.Zero);
    }

    [Test]
    public void A_worker_that_was_killed_holds_nothing()
    {
        HeldMemory.Holder dead = Holder(1), alive = Holder(2);
        Assert.That((bool[])[dead.TryHold(4 * Unit), alive.TryHold(2 * Unit)], Is.EqualTo((bool[])[true, true]));
        _memory.Forget(1);
        Assert.That(_counters[Counter.HeldBytes], Is.EqualTo(2 * Unit));
    }

    private HeldMemory.Holder Holder(int owner) => new(_memory, () => owner);
}
