using System.Runtime.CompilerServices;
using Multiplex.Interop;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Interop;

/// <summary>EINTR: a signal interrupts a call that waits. Wrappers repeat the call, except for waits, and those whose name has "once".</summary>
public class InterruptedCallTests
{
    [OneTimeSetUp]
    public void Let_a_signal_interrupt() => InterruptibleThread.LetTheSignalInterrupt();

    [OneTimeTearDown]
    public void Let_it_be_ignored() => InterruptibleThread.LetTheSignalBeIgnored();

    [Test]
    public void A_recv_that_is_interrupted_goes_on_waiting_for_bytes()
    {
        using SocketPair pair = new();
        InterruptibleThread<SyscallResult> waiter = new(() => recv(pair.Here, new byte[8], 0));
        waiter.InterruptWhileWaiting(times: 3);
        Assert.That(waiter.HasReturned, Is.False);
        send(pair.There, "ok"u8, 0).OrThrow("send");
        Assert.That(waiter.Result().OrThrow("the call"), Is.EqualTo(2));
    }

    [Test]
    public void A_read_that_is_interrupted_goes_on_waiting_for_bytes()
    {
        using SocketPair pair = new();
        InterruptibleThread<SyscallResult> waiter = new(() => read(pair.Here, new byte[8]));
        waiter.InterruptWhileWaiting(times: 3);
        write(pair.There, "ok"u8).OrThrow("write");
        Assert.That(waiter.Result().OrThrow("the call"), Is.EqualTo(2));
    }

    [Test]
    public void A_send_that_is_interrupted_goes_on_waiting_for_room()
    {
        using SocketPair pair = new();
        while (!send(pair.Here, new byte[4096], MSG_DONTWAIT).IsError)
        {
        }

        InterruptibleThread<SyscallResult> waiter = new(() => send(pair.Here, "x"u8, 0));
        waiter.InterruptWhileWaiting(times: 3);
        Assert.That(waiter.HasReturned, Is.False);
        while (!recv(pair.There, new byte[4096], MSG_DONTWAIT).IsError)
        {
        }

        Assert.That(waiter.Result().OrThrow("the call"), Is.EqualTo(1));
    }

    [Test]
    public void A_recvfrom_that_is_interrupted_goes_on_waiting_for_a_datagram()
    {
        using SocketPair pair = new(SOCK_DGRAM | SOCK_CLOEXEC);
        InterruptibleThread<SyscallResult> waiter = new(() => recvfrom(pair.Here, new byte[8], 0, new byte[128], out _));
        waiter.InterruptWhileWaiting(times: 3);
        Assert.That(waiter.HasReturned, Is.False);
        send(pair.There, "ok"u8, 0).OrThrow("send");
        Assert.That(waiter.Result().OrThrow("the call"), Is.EqualTo(2));
    }

    [Test]
    public unsafe void A_recvmmsg_that_is_interrupted_goes_on_waiting_for_the_first_datagram()
    {
        using SocketPair pair = new(SOCK_DGRAM | SOCK_CLOEXEC);
        InterruptibleThread<SyscallResult> waiter = new(() =>
        {
            ulong room;
            iovec buffer = new() { iov_base = &room, iov_len = sizeof(ulong) };
            mmsghdr message = new() { msg_hdr = new() { msg_iov = &buffer, msg_iovlen = 1 } };
            return recvmmsg(pair.Here, new Span<mmsghdr>(ref message), MSG_WAITFORONE);
        });
        waiter.InterruptWhileWaiting(times: 3);
        Assert.That(waiter.HasReturned, Is.False);
        send(pair.There, "ok"u8, 0).OrThrow("send");
        Assert.That(waiter.Result().OrThrow("the call"), Is.EqualTo(1));
    }

    [Test]
    public void Recv_once_returns_EINTR()
    {
        using SocketPair pair = new();
        InterruptibleThread<SyscallResult> waiter = new(() => recv_once(pair.Here, new byte[8], 0));
        waiter.InterruptWhileWaiting(times: 1);
        Assert.That(waiter.Result().Errno, Is.EqualTo(EINTR));
    }

    [Test]
    public void Poll_returns_EINTR_as_every_wait_does()
    {
        using SocketPair pair = new();
        InterruptibleThread<SyscallResult> waiter = new(() => poll([new pollfd { fd = pair.Here, events = POLLIN }], -1));
        waiter.InterruptWhileWaiting(times: 1);
        Assert.That(waiter.Result().Errno, Is.EqualTo(EINTR));
    }

    [Test]
    public void Select_returns_EINTR_as_every_wait_does()
    {
        using SocketPair pair = new();
        InterruptibleThread<SyscallResult> waiter = new(() =>
        {
            fd_set readable = default;
            FD_SET(pair.Here, ref readable);
            return select(pair.Here + 1, ref readable, ref Unsafe.NullRef<fd_set>(), ref Unsafe.NullRef<fd_set>(), -1);
        });
        waiter.InterruptWhileWaiting(times: 1);
        Assert.That(waiter.Result().Errno, Is.EqualTo(EINTR));
    }

    [Test]
    public void Epoll_wait_returns_EINTR_as_every_wait_does()
    {
        int epoll = epoll_create1(EPOLL_CLOEXEC).OrThrow("epoll_create1");
        InterruptibleThread<SyscallResult> waiter = new(() => epoll_wait(epoll, new epoll_events(1), 1, -1));
        waiter.InterruptWhileWaiting(times: 1);
        Assert.That(waiter.Result().Errno, Is.EqualTo(EINTR));
        close(epoll).OrThrow("close");
    }
}
