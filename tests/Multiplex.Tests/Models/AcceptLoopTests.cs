using Multiplex.Engine;
using Multiplex.Models;
using Multiplex.Protocols;

namespace Multiplex.Tests.Models;

/// <summary>How long an accept loop sleeps: to wake up for memory that it could give back costs an idle server CPU time.</summary>
public class AcceptLoopTests
{
    private ServerCounters _counters = null!;
    private StopSource _stop = null!;
    private Service _service = null!;

    [SetUp]
    public void Make()
    {
        (_counters, _stop) = (new(), StopSignal.ByRequest());
        _service = new([], new EchoProtocol(), new(), _counters, _stop);
        LargeBufferPool.Pool.Trim();
    }

    [TearDown]
    public void Dispose()
    {
        _stop.Dispose();
        _counters.Dispose();
        LargeBufferPool.Pool.Trim();
    }

    [Test]
    public void It_sleeps_until_something_is_ready_also_when_a_child_was_killed_and_has_not_counted_its_connection_as_closed()
    {
        _counters.Increment(Counter.Accepted);
        using AcceptLoop loop = new(_service, hasRoom: () => true);
        Assert.That(loop.WaitMilliseconds(isPaused: false), Is.EqualTo(-1));
    }

    [Test]
    public void It_looks_for_memory_to_give_back_while_there_are_connections_in_its_process()
    {
        bool hasConnections = true;
        using AcceptLoop loop = new(_service, hasRoom: () => true) { HasConnections = () => hasConnections };
        Assert.That(loop.WaitMilliseconds(isPaused: false), Is.EqualTo(Service.RestInterval));
        hasConnections = false;
        Assert.That(loop.WaitMilliseconds(isPaused: false), Is.EqualTo(-1));
    }

    [Test]
    public void It_looks_for_memory_to_give_back_until_no_buffer_is_kept()
    {
        using AcceptLoop loop = new(_service, hasRoom: () => true);
        LargeBufferPool.Pool.Return(LargeBufferPool.Pool.Rent(LargeBufferPool.LongestShort + 1));
        Assert.That(loop.WaitMilliseconds(isPaused: false), Is.EqualTo(Service.RestInterval));
        LargeBufferPool.Pool.Trim();
        Assert.That(loop.WaitMilliseconds(isPaused: false), Is.EqualTo(-1));
    }

    [Test]
    public void Without_room_it_looks_for_room()
    {
        using AcceptLoop loop = new(_service, hasRoom: () => false) { LookForRoomMilliseconds = 10, HasConnections = () => true };
        Assert.That(loop.WaitMilliseconds(isPaused: true), Is.EqualTo(10));
    }
}
