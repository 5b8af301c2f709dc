using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using Mono.Unix.Native;
using Multiplex.Interop;

namespace Multiplex.Benchmarks;

/// <summary>The same system call through Mono.Posix, which marshals, and through native-interop, which is blittable.</summary>
[MemoryDiagnoser(displayGenColumns: false)]
[GroupBenchmarksBy(BenchmarkLogicalGroupRule.ByCategory)]
[CategoriesColumn]
public unsafe class SyscallBenchmarks
{
    private readonly byte[] _one = [1, 0, 0, 0, 0, 0, 0, 0];
    private readonly byte[] _read = new byte[sizeof(ulong)];
    private int _counter = -1;    // an eventfd
    private int _readable = -1;   // an eventfd that is always readable
    private Pollfd[] _monoSet = [];
    private Libc.pollfd[] _set = [];

    [GlobalSetup]
    public void Setup()
    {
        _counter = Libc.eventfd(0, Libc.EFD_CLOEXEC).OrThrow("eventfd");
        _readable = Libc.eventfd(1, Libc.EFD_CLOEXEC).OrThrow("eventfd");
        _monoSet = [new() { fd = _readable, events = PollEvents.POLLIN }];
        _set = [new() { fd = _readable, events = Libc.POLLIN }];
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        Libc.close(_counter);
        Libc.close(_readable);
    }

    [Benchmark(Baseline = true, Description = "Mono.Posix"), BenchmarkCategory("getpid")]
    public int MonoGetpid() => Syscall.getpid();

    [Benchmark(Description = "native-interop"), BenchmarkCategory("getpid")]
    public int Getpid() => Libc.getpid();

    [Benchmark(Baseline = true, Description = "Mono.Posix"), BenchmarkCategory("write+read")]
    public long MonoWriteAndRead()
    {
        fixed (byte* one = _one, read = _read)
        {
            long written = Syscall.write(_counter, one, sizeof(ulong));
            return Expect(written + Syscall.read(_counter, read, sizeof(ulong)), 2 * sizeof(ulong));
        }
    }

    [Benchmark(Description = "native-interop"), BenchmarkCategory("write+read")]
    public long WriteAndRead()
    {
        nint written = Libc.write(_counter, _one).Value;
        return Expect(written + Libc.read(_counter, _read).Value, 2 * sizeof(ulong));
    }

    [Benchmark(Baseline = true, Description = "Mono.Posix"), BenchmarkCategory("poll")]
    public long MonoPoll() => Expect(Syscall.poll(_monoSet, 0), 1);

    [Benchmark(Description = "native-interop"), BenchmarkCategory("poll")]
    public long Poll() => Expect(Libc.poll(_set, 0).Value, 1);

    private static long Expect(long returned, long expected) =>
        returned == expected ? returned : throw new InvalidOperationException($"a call returned {returned}, not {expected}");
}
