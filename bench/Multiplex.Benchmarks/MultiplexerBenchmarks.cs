using BenchmarkDotNet.Attributes;
using Multiplex.Interop;
using Multiplex.Multiplexers;

namespace Multiplex.Benchmarks;

/// <summary>How many descriptors are watched, and how many of them are ready.</summary>
/// <param name="Watched">Descriptors.</param>
/// <param name="Ready">How many of them are ready: the last ones.</param>
public readonly record struct Watch(int Watched, int Ready)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Ready} of {Watched}";
}

/// <summary>
/// One wait: select(2) and poll(2) examine all descriptors, epoll(7) only those that are ready.
/// </summary>
public class MultiplexerBenchmarks
{
    private readonly List<int> _descriptors = [];
    private readonly Readiness[] _ready = new Readiness[512];   // the same size as in a reactor: further ones wait for the next turn
    private IMultiplexer? _multiplexer;
    private Watch _watch;

    /// <summary>One of them ready, a tenth, all.</summary>
    public static IEnumerable<Watch> Watches =>
        from watched in (int[])[1, 10, 100, 500, 10_000]
        where watched < DescriptorLimit
        from ready in (int[])[1, watched / 10, watched]
        where ready > 0
        group new Watch(watched, ready) by (watched, ready) into same
        select same.First();

    /// <summary>The cases that select(2) can watch: descriptors below FD_SETSIZE, some of which the process uses otherwise.</summary>
    public static IEnumerable<Watch> WatchesOfSelect => Watches.Where(watch => watch.Watched < Libc.FD_SETSIZE);

    private static long DescriptorLimit
    {
        get
        {
            Libc.getrlimit(Libc.RLIMIT_NOFILE, out Libc.rlimit limit).OrThrow("getrlimit");
            return (long)Math.Min(limit.rlim_cur, long.MaxValue);
        }
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _multiplexer?.Dispose();
        _multiplexer = null;
        _descriptors.ForEach(descriptor => Libc.close(descriptor));
        _descriptors.Clear();
    }

    [Benchmark]
    [ArgumentsSource(nameof(WatchesOfSelect))]
    public int Select(Watch watch) => Wait(watch, static () => new SelectMultiplexer());

    [Benchmark(Baseline = true)]
    [ArgumentsSource(nameof(Watches))]
    public int Poll(Watch watch) => Wait(watch, static () => new PollMultiplexer());

    [Benchmark]
    [ArgumentsSource(nameof(Watches))]
    public int Epoll(Watch watch) => Wait(watch, static () => new EpollMultiplexer());

    private int Wait(Watch watch, Func<IMultiplexer> make)
    {
        if (_multiplexer is null)
            Prepare(watch, make());   // a set-up method has no access to the arguments; the first call is not measured
        int count = _multiplexer!.Wait(_ready, -1);
        return count == Math.Min(_watch.Ready, _ready.Length)
            ? count
            : throw new InvalidOperationException($"{count} are ready, not {_watch.Ready}");
    }

    private void Prepare(Watch watch, IMultiplexer multiplexer)
    {
        _watch = watch;
        _multiplexer = multiplexer;
        for (int i = 0; i < watch.Watched; i++)
        {
            uint counter = i >= watch.Watched - watch.Ready ? 1u : 0u;   // an eventfd is readable while it is not zero
            int descriptor = Libc.eventfd(counter, Libc.EFD_CLOEXEC).OrThrow("eventfd");
            _descriptors.Add(descriptor);
            multiplexer.Add(descriptor, Interest.Readable);
        }
    }
}
