using Multiplex.Nfs.Files;

namespace Multiplex.Tests.Nfs;

public class RecentChangesTests
{
    [Test]
    public void A_file_is_changed_since_all_moments_up_to_its_last_change()
    {
        using RecentChanges changes = new();
        long before = Environment.TickCount64;
        Assert.That(changes.IsChangedSince(7, before), Is.False);
        changes.Mark(7);
        long after = Environment.TickCount64;
        Assert.That(changes.IsChangedSince(7, before), Is.True);
        Assert.That(changes.IsChangedSince(7, after + 1), Is.False);
        Assert.That(changes.IsChangedSince(8, before), Is.False);
    }

    [Test]
    public void Marks_of_many_threads_keep_the_latest()
    {
        using RecentChanges changes = new();
        Parallel.For(0, 100_000, i => changes.Mark((ulong)(i % 5)));
        long last = Environment.TickCount64;
        changes.Mark(3);
        Assert.That(changes.IsChangedSince(3, last), Is.True);
    }
}
