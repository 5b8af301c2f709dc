using Multiplex.Interop;
using Multiplex.Sockets;
using Multiplex.Tests.Support;
using Multiplex.Uring;

namespace Multiplex.Tests.Uring;

/// <summary>The listeners on a ring.</summary>
public class UringListenersTests
{
    [Test]
    public void Every_accept_ends_also_where_the_listeners_are_closed_right_after_the_stop()
    {
        using Listener tcp = Listener.Open(Endpoint.Parse("tcp://127.0.0.1:0"), 16), unix = Listener.Open(Endpoint.Parse($"unix:@{Guid.NewGuid():N}"), 16);
        using ServerCounters counters = new();
        using Ring ring = new(64, 128);
        using StopSignal stop = StopSignal.ByRequest();
        using UringListeners listeners = new(new(ring), new([tcp, unix], new LineProtocol(), new(), counters, stop));
        listeners.Start();
        ring.Submit();
        listeners.Stop();
        tcp.Dispose();
        unix.Dispose();
        Eventually.Holds(
            () =>
            {
                ring.SubmitAndWait(10);
                while (ring.TryTake(out Libc.io_uring_cqe completion))
                {
                    if (UserData.OperationOf(completion.user_data) == Operation.Accept)
                        listeners.OnAccept(completion, loop: null!);   // no connection was made, so that none is handed over
                }

                return !listeners.IsAccepting;
            },
            "accepts are still in progress");
    }
}
