using Multiplex.Multiplexers;
using Multiplex.Nfs.Server;
using Multiplex.Sockets;
using Multiplex.Sockets.Datagrams;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests;

/// <summary>
/// What is disposed twice closes its descriptors once: another part of the process may have been given their numbers meanwhile.
/// </summary>
public class DisposedTwiceTests : DescriptorFixture
{
    private const int MostOfOne = 16;

    public static IEnumerable<TestCaseData> Owners =>
    [
        Case("a stop signal", StopSignal.ByRequest),
        Case("a multiplexer", () => new EpollMultiplexer()),
        Case("a listener", () => Listener.Open(Endpoint.Parse("tcp://127.0.0.1:0"), 1)),
        Case("a datagram socket", () => DatagramSocket.Open(Endpoint.Parse("udp://127.0.0.1:0"))),
        Case("counters", () => new ServerCounters()),
        Case("an NFS server", () => new NfsServer(new() { Exports = [new(AppContext.BaseDirectory, "/")], StateDirectory = TestContext.CurrentContext.WorkDirectory })),
        Case("an RPC event loop", () => new RpcEventLoop()),
        Case("an RPC client", () => new RpcClient(Endpoint.Parse("udp://127.0.0.1:9"))),
    ];

    [TestCaseSource(nameof(Owners))]
    public void Its_descriptors_are_closed_once(Func<IDisposable> open)
    {
        IDisposable owner = open();
        owner.Dispose();

        // The lowest numbers that are free are given first, open(2): among them those that were closed.
        int[] others = [.. Enumerable.Range(0, MostOfOne).Select(_ => Own(eventfd(0, EFD_CLOEXEC)))];
        owner.Dispose();
        Assert.That(others.Where(other => fcntl(other, F_GETFD).IsError), Is.Empty);
    }

    private static TestCaseData Case(string name, Func<IDisposable> open) => new TestCaseData(open).SetArgDisplayNames(name);
}
