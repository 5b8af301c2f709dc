using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Multiplex.Interop;
using Multiplex.Load.Comparison.Usage;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Comparison.Stacks;

/// <summary>
/// Samples the stacks of a server's running threads, and of those that they make later, every half millisecond of CPU time:
/// perf_event_open(2) with the software event cpu-clock, which needs no PMU.
/// </summary>
internal sealed class StackSampler : IDisposable
{
    private const ulong PeriodNs = 499_979;   // a prime, so that it does not run in step with a timer of the server
    private const uint MostStack = 8192;      // bytes of a thread's stack that are copied

    private static readonly TimeSpan s_readEvery = TimeSpan.FromMilliseconds(20);
    private static readonly (string Name, FrameKind Kind) s_callersNotKnown = ("[callers not known]", FrameKind.Library);

    private readonly SymbolList _kernel = SymbolList.OfKernel();
    private readonly StackWalk _walk = new();
    private readonly List<int> _descriptors = [];
    private readonly List<SampleRing> _rings = [];
    private readonly Dictionary<int, int> _parents = [];
    private readonly Dictionary<int, AddressSpace?> _spaces = [];
    private readonly List<(string Name, FrameKind Kind)> _frames = [];
    private readonly FlameFrame _root = new("all", FrameKind.Program);
    private readonly ManualResetEvent _stop = new(initialState: false);
    private readonly Lock _taking = new();
    private readonly Thread _reader;
    private bool _isKeeping;
    private bool _hasKernel = true;
    private long _incomplete, _lost;

    private StackSampler()
    {
        _reader = new(() =>
        {
            while (!_stop.WaitOne(s_readEvery))
                Take();
        })
        { IsBackground = true, Name = "stacks" };
    }

    /// <summary>Why stacks cannot be sampled, tested on this process; null when they can.</summary>
    public static string? WhyNot()
    {
        if (!StackWalk.IsPossible)
            return $"stacks can be read on x86-64 only, and this is {RuntimeInformation.ProcessArchitecture}";
        try
        {
            using StackSampler sampler = Attach(Environment.ProcessId);
            return null;
        }
        catch (SyscallException e) when (e.Errno is EACCES or EPERM)
        {
            return $"{e.Message}; /proc/sys/kernel/perf_event_paranoid is {KernelEvent.Paranoid()}";
        }
        catch (IOException e)
        {
            return e.Message;
        }
    }

    /// <summary>Attaches to every thread that a process and its descendants have.</summary>
    /// <exception cref="SyscallException">The kernel refuses; or there are too many threads for the descriptors of this process.</exception>
    public static StackSampler Attach(int pid)
    {
        StackSampler sampler = new();
        try
        {
            int[] threads = [.. ProcessTree.Of(pid).SelectMany(ProcessTree.ThreadsOf)];
            foreach (int processor in Online())
                sampler.Attach(threads, processor);
        }
        catch
        {
            sampler.Close();
            throw;
        }

        sampler._reader.Start();
        return sampler;
    }

    /// <summary>Starts or stops keeping samples; at first they are not kept.</summary>
    public void Keep(bool keep)
    {
        Take();
        _isKeeping = keep;
    }

    /// <summary>The kept samples.</summary>
    public FlameGraph Result
    {
        get
        {
            lock (_taking)
                return new(_root, _incomplete, _lost) { HasKernel = _hasKernel };
        }
    }

    /// <summary>Stops sampling.</summary>
    public void Dispose()
    {
        _stop.Set();
        _reader.Join();
        Close();
    }

    private void Close()
    {
        _rings.ForEach(ring => ring.Dispose());
        _descriptors.ForEach(descriptor => close(descriptor));
        _stop.Dispose();
    }

    // Only an event that is bound to one processor also samples threads that are made later. All events of a processor share one mapping.
    private void Attach(int[] threads, int processor)
    {
        int? first = null;
        foreach (int thread in threads)
        {
            SyscallResult result = Open(thread, processor);
            if (result.Is(ESRCH))
                continue;   // a thread that has just ended
            int descriptor = result.OrThrow("perf_event_open", "cpu-clock");
            _descriptors.Add(descriptor);
            if (first is { } ring)
                ioctl(descriptor, PERF_EVENT_IOC_SET_OUTPUT, ring).OrThrow("ioctl", "PERF_EVENT_IOC_SET_OUTPUT");
            else
                _rings.Add(SampleRing.Map((first = descriptor).Value));
        }
    }

    // With perf_event_paranoid at 2, only what the threads do outside of the kernel may be sampled.
    private SyscallResult Open(int thread, int processor)
    {
        perf_event_attr attr = new()
        {
            type = PERF_TYPE_SOFTWARE,
            config = PERF_COUNT_SW_CPU_CLOCK,
            sample_period = PeriodNs,
            sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER,
            sample_regs_user = StackWalk.Registers,
            sample_stack_user = MostStack,
            Inherit = true,
            Task = true,
            ExcludeCallchainUser = true,
        };
        SyscallResult result = perf_event_open(attr, thread, processor, -1, PERF_FLAG_FD_CLOEXEC);
        if (!result.Is(EACCES))
            return result;
        attr.ExcludeKernel = true;
        _hasKernel = false;
        return perf_event_open(attr, thread, processor, -1, PERF_FLAG_FD_CLOEXEC);
    }

    // 0-3,8
    private static IEnumerable<int> Online() =>
        from range in File.ReadAllText("/sys/devices/system/cpu/online").Trim().Split(',')
        let ends = range.Split('-').Select(int.Parse).ToArray()
        from processor in Enumerable.Range(ends[0], ends[^1] - ends[0] + 1)
        select processor;

    private void Take()
    {
        lock (_taking)
        {
            foreach (SampleRing ring in _rings)
                ring.Take(Take);
        }
    }

    private void Take(uint type, ReadOnlySpan<byte> body)
    {
        const int Process = 0, Parent = 4, LostCount = 8;
        if (type == PERF_RECORD_FORK && Int(body[Process..]) != Int(body[Parent..]))   // no thread, but a process
            _parents[Int(body[Process..])] = Int(body[Parent..]);
        else if (type == PERF_RECORD_LOST)
            _lost += _isKeeping ? Long(body[LostCount..]) : 0;
        else if (type == PERF_RECORD_SAMPLE)
            TakeSample(body);
    }

    // pid, tid, the number of addresses in the kernel and the addresses, whether there are registers and the registers, the length of the stack, the
    // stack, and how many bytes of it were copied.
    private void TakeSample(ReadOnlySpan<byte> body)
    {
        AddressSpace? space = SpaceOf(Int(body));
        _frames.Clear();
        ReadOnlySpan<byte> rest = body[sizeof(long)..];
        for (long left = NextLong(ref rest); left > 0; left--)
        {
            long address = NextLong(ref rest);
            if (address is < PERF_CONTEXT_MAX or >= 0)
                _frames.Add((_kernel.Find((ulong)address) ?? "[kernel]", FrameKind.Kernel));
        }

        bool isWhole = true;
        bool hasRegisters = NextLong(ref rest) != 0;
        if (hasRegisters)
        {
            ReadOnlySpan<byte> registers = rest;
            rest = rest[(CallerRules.Count * sizeof(long))..];
            int length = (int)NextLong(ref rest);
            ReadOnlySpan<byte> stack = length == 0 ? [] : rest[..(int)Math.Min(Long(rest[length..]), length)];
            isWhole = space is not null && _walk.Add(space, registers, stack, _frames);
        }

        if (!_isKeeping)
            return;
        if (!isWhole)
        {
            _incomplete++;
            _frames.Add(s_callersNotKnown);
        }

        _frames.Reverse();
        _root.Add(CollectionsMarshal.AsSpan(_frames));
    }

    // A process that has ended had its parent's code, unless it ran another program meanwhile.
    private AddressSpace? SpaceOf(int pid)
    {
        if (_spaces.TryGetValue(pid, out AddressSpace? space))
            return space;
        _spaces[pid] = space = AddressSpace.Of(pid);
        return space is null && _parents.TryGetValue(pid, out int parent) ? _spaces[pid] = SpaceOf(parent) : space;
    }

    private static long NextLong(ref ReadOnlySpan<byte> rest)
    {
        long value = Long(rest);
        rest = rest[sizeof(long)..];
        return value;
    }

    private static int Int(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadInt32LittleEndian(bytes);

    private static long Long(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadInt64LittleEndian(bytes);
}
