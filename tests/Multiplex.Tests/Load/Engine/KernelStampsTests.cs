using System.Diagnostics;
using Multiplex.Load.Engine;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Load.Engine;

/// <summary>The kernel's time stamps of packets that are sent and received, on a connected pair of sockets.</summary>
[TestFixture("tcp")]
[TestFixture("udp")]
public class KernelStampsTests(string kind) : DescriptorFixture
{
    private readonly KernelStamps _stamps = new();
    private int _here;
    private int _there;

    [SetUp]
    public void Connect()
    {
        if (kind == "tcp")
        {
            (_here, _there) = TcpConnection();
        }
        else
        {
            (_here, _there) = (BoundUdpSocket(), BoundUdpSocket());
            connect(_here, NameOf(_there)).OrThrow("connect");
            connect(_there, NameOf(_here)).OrThrow("connect");
        }

        KernelStamps.Enable(_here);
        KernelStamps.Enable(_there);
        AwaitStamps();
        _stamps.Synchronize();
    }

    [Test]
    public void What_is_sent_arrives_and_its_stamps_lie_in_the_order_of_events()
    {
        byte[] buffer = new byte[64];
        List<long> ways = [];
        for (byte i = 0; i < 200; i++)
        {
            long before = Stopwatch.GetTimestamp();
            Assert.That(_stamps.Send(_here, [i, 1, 2]).OrThrow("send"), Is.EqualTo(3));
            int length = _stamps.Receive(_there, buffer, 0, out long arrivedAt).OrThrow("recv");
            Assert.That(buffer[..length], Is.EqualTo(new byte[] { i, 1, 2 }));
            Assert.That(arrivedAt, Is.InRange(before, Stopwatch.GetTimestamp()));
            ways.Add(arrivedAt - before);
        }

        // The cost is measured at the first 32 sends, which may be slower than later ones.
        Assert.That(_stamps.WayOut, Is.Positive.And.LessThan(ways.Take(32).Max()), "the way out is a part of the way");
        Assert.That(ReadyFor(_here), Is.Zero, "no stamp was left to be read");
    }

    [Test]
    public void A_stamp_that_came_late_is_taken_when_nothing_else_is_there()
    {
        setsockopt(_here, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY)
            .OrThrow("setsockopt");
        for (int i = 0; i < 3; i++)
            send(_here, "stamped"u8, 0).OrThrow("send");
        Assert.That(ReadyFor(_here) & POLLERR, Is.EqualTo(POLLERR), "the stamps wait");
        Assert.That(_stamps.Receive(_here, new byte[64], MSG_DONTWAIT, out _).Errno, Is.EqualTo(EAGAIN));
        Assert.That(ReadyFor(_here), Is.Zero, "and have been taken");
    }

    // The kernel begins to stamp what it receives from a work queue, a moment after the first socket asks for it: net_enable_timestamp().
    private void AwaitStamps() => Eventually.Holds(
        () =>
        {
            send(_there, "once"u8, 0).OrThrow("send");
            new KernelStamps().Receive(_here, new byte[64], 0, out long arrivedAt).OrThrow("recv");
            return arrivedAt != 0;
        },
        "the kernel stamps nothing");

    private static int ReadyFor(int socket)
    {
        pollfd[] watched = [new() { fd = socket, events = POLLIN }];
        poll(watched, 0).OrThrow("poll");
        return watched[0].revents;
    }
}
