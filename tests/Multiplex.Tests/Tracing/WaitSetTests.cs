using Multiplex.Tracing.Lanes;
using Multiplex.Tracing.Parsing;

namespace Multiplex.Tests.Tracing;

/// <summary>What a wait is given and what it returns, of lines as strace(1) writes them. Descriptor 9 is client 0's, 11 is client 1's.</summary>
public class WaitSetTests
{
    [Test]
    public void Poll_is_given_the_whole_array_and_marks_the_ready()
    {
        WaitSet set = Read("poll([{fd=6<TCP:[127.0.0.1:80]>, events=POLLIN}, {fd=9<TCP:[127.0.0.1:80->127.0.0.1:1]>, events=POLLIN}, {fd=11, events=POLLOUT}], 3, -1) = 1 ([{fd=11, revents=POLLOUT}])");
        Assert.That((set.Kind, set.Size), Is.EqualTo((WaitSetKind.Array, 3)));
        Assert.That(set.Given, Is.EqualTo(new WaitEntry[] { new(6, 0, null), new(9, 0, 0), new(11, 0, 1) }));
        Assert.That(set.Ready, Is.EqualTo(new WaitEntry[] { new(11, 0, 1) }));
    }

    [Test]
    public void Select_is_given_three_sets_up_to_the_highest_descriptor()
    {
        WaitSet set = Read("pselect6(12, [6<TCP:[127.0.0.1:80]> 9<TCP:[127.0.0.1:80->127.0.0.1:1]>], [9<TCP:[127.0.0.1:80->127.0.0.1:1]> 11], NULL, {tv_sec=3, tv_nsec=0}, NULL) = 2 (in [6], out [11], left {tv_sec=2, tv_nsec=9})");
        Assert.That((set.Kind, set.Size), Is.EqualTo((WaitSetKind.Bits, 12)));
        Assert.That(set.Given, Is.EqualTo(new WaitEntry[] { new(6, 0, null), new(9, 0, 0), new(9, 1, 0), new(11, 1, 1) }));
        Assert.That(set.Ready, Is.EqualTo(new WaitEntry[] { new(6, 0, null), new(11, 1, 1) }));
    }

    [Test]
    public void Epoll_wait_is_given_none_and_returns_the_ready_of_those_that_the_kernel_keeps()
    {
        WaitSet set = Read("epoll_wait(7<anon_inode:[eventpoll]>, [{events=EPOLLIN, data={u32=11, u64=11}}, {events=EPOLLIN, data={u32=77, u64=140000000077}}], 64, -1) = 2", 6, 9, 11);
        Assert.That((set.Kind, set.Size), Is.EqualTo((WaitSetKind.Kept, 3)));
        Assert.That(set.Given, Is.EqualTo(new WaitEntry[] { new(6, 0, null), new(9, 0, 0), new(11, 0, 1) }));
        Assert.That(set.Ready, Is.EqualTo(new WaitEntry[] { new(11, 0, 1), new(-1, 0, null) }), "what is kept beside the second is no descriptor");
    }

    [Test]
    public void A_ring_is_given_requests_and_a_wait_that_has_not_returned_has_nothing_ready()
    {
        WaitSet ring = Read("io_uring_enter(5<anon_inode:[io_uring]>, 4, 1, IORING_ENTER_GETEVENTS, NULL, 0) = 4");
        Assert.That((ring.Kind, ring.Size, ring.Given.Count), Is.EqualTo((WaitSetKind.Ring, 4, 0)));
        Assert.That(Read("poll([{fd=6, events=POLLIN}], 1, -1 <unfinished ...>").Ready, Is.Empty);
    }

    private static WaitSet Read(string line, params int[] interest)
    {
        TracedCall call = StraceLog.Parse([line.EndsWith('>') ? $"10 100.000000 {line}" : $"10 100.000000 {line} <0.000100>"])[0];
        return WaitSet.At(call, interest, number => number switch { 9 => 0, 11 => 1, _ => null }).After(call);
    }
}
