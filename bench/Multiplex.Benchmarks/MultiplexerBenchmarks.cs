using BenchmarkDotNet.Attributes;
using Multiplex.Interop;
using Multiplex.Multiplexing;

namespace Multiplex.Benchmarks;

/// <summary>
/// One wait over many descriptors of which one is ready, the last that was added: poll(2) looks at all of them, twice;
/// epoll(7) at the one.
/// </summary>
public class MultiplexerBenchmarks
{
    private readonly Readiness[] _ready = new Readiness[512];
    private readonly List<int> _descriptors = [];
    private PollMultiplexer _poll = null!;
    private EpollMultiplexer _epoll = null!;

    [Params(10, 100, 1000)]
    public int Watched { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _poll = new();
        _epoll = new();
        for (int i = 0; i < Watched; i++)
        {
            uint counter = i == Watched - 1 ? 1u : 0u;   // an eventfd is readable while it is not zero
            int descriptor = Libc.eventfd(counter, Libc.EFD_CLOEXEC).OrThrow("eventfd");
            _descriptors.Add(descriptor);
            _poll.Add(descriptor, Interest.Readable);
            _epoll.Add(descriptor, Interest.Readable);
        }
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _poll.Dispose();
        _epoll.Dispose();
        _descriptors.ForEach(descriptor => Libc.close(descriptor));
        _descriptors.Clear();
    }

    [Benchmark(Baseline = true)]
    public int Poll() => Wait(_poll);

    [Benchmark]
    public int Epoll() => Wait(_epoll);

    private int Wait(IMultiplexer multiplexer)
    {
        int count = multiplexer.Wait(_ready, -1);
        return count == 1 ? _ready[0].Descriptor : throw new InvalidOperationException($"{count} are ready, not one");
    }
}
