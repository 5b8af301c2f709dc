using System.Runtime.CompilerServices;
using Multiplex.Engine;
using Multiplex.Sockets;

namespace Multiplex.Tests.Engine;

public class LargeBufferPoolTests
{
    [TestCase(100)]
    [TestCase(LargeBufferPool.LongestShort + 1)]
    [TestCase(1 << 20)]
    [TestCase(MessageSize.LongestTaken)]
    [TestCase(MessageSize.LongestTaken + 1)]
    [TestCase(5 << 20)]
    public void An_array_is_long_enough_and_the_next_gets_the_same(int length)
    {
        LargeBufferPool pool = new();
        byte[] first = pool.Rent(length);
        Assert.That(first.Length, Is.InRange(length, 2 * length));
        pool.Return(first);
        byte[] second = pool.Rent(length);
        Assert.That(second.Length, Is.EqualTo(first.Length));
        if (length > LargeBufferPool.LongestShort)
            Assert.That(second, Is.SameAs(first));
    }

    [Test]
    public void Once_warm_it_allocates_nothing_however_many_are_in_use()
    {
        LargeBufferPool pool = new();
        byte[][] arrays = [.. Enumerable.Range(0, 40).Select(_ => pool.Rent(1 << 20))];
        AllocationRounds rounds = new();
        for (int i = 0; rounds.Next(); i++)
        {
            pool.Return(arrays[i % arrays.Length]);
            arrays[i % arrays.Length] = pool.Rent(1 << 20);
        }

        Assert.That(rounds.Least, Is.Zero);
    }

    [Test]
    public void What_a_crowd_had_is_collected_when_it_has_left()
    {
        LargeBufferPool pool = new();
        WeakReference[] arrays = Crowd(pool);
        Assert.That(arrays.Count(array => array.IsAlive), Is.LessThan(arrays.Length / 2));
        pool.Trim();
        Assert.That(arrays.Count(array => array.IsAlive), Is.Zero);
    }

    [Test]
    public void What_was_not_needed_from_one_look_to_the_next_is_dropped_and_no_more()
    {
        const int Length = 1 << 20;
        LargeBufferPool pool = new();
        byte[][] three = [.. Enumerable.Range(0, 3).Select(_ => pool.Rent(Length))];
        Array.ForEach(three, array => pool.Return(array));
        long now = LargeBufferPool.UnneededAfter;
        Assert.That(pool.DropUnneeded(now), Is.False, "they were needed meanwhile");
        pool.Return(pool.Rent(Length));
        Assert.That(pool.DropUnneeded(now + 1), Is.False, "too early");
        Assert.That(pool.DropUnneeded(now + LargeBufferPool.UnneededAfter), Is.True);
        Assert.That(pool.IsEmpty, Is.False, "one was needed");
        byte[] kept = pool.Rent(Length);
        Assert.That(Array.Exists(three, array => ReferenceEquals(array, kept)), Is.True);
        pool.Return(kept);
        Assert.That(pool.DropUnneeded(now + (2 * LargeBufferPool.UnneededAfter)), Is.False);
        Assert.That(pool.DropUnneeded(now + (3 * LargeBufferPool.UnneededAfter)), Is.True);
        Assert.That(pool.IsEmpty, Is.True);
        Assert.That(pool.DropUnneeded(now + (4 * LargeBufferPool.UnneededAfter)), Is.False);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference[] Crowd(LargeBufferPool pool)
    {
        byte[]?[] arrays = [.. Enumerable.Range(0, 64).Select(_ => pool.Rent(1 << 20))];
        WeakReference[] references = [.. arrays.Select(array => new WeakReference(array))];
        for (int i = 0; i < arrays.Length; i++)
        {
            pool.Return(arrays[i]!);
            arrays[i] = null;
        }

        return references;
    }
}
