using System.Diagnostics;
using System.Globalization;
using Multiplex.Load.Comparison.Servers;
using Multiplex.Load.Comparison.Stacks;
using Multiplex.Load.Comparison.Usage;
using Multiplex.Load.Engine;
using Multiplex.Load.Measuring;
using Multiplex.Load.Workload;
using Multiplex.Load.Workload.Files;

namespace Multiplex.Load.Comparison;

/// <summary>A point of a scenario, ready to be run against one server after the other.</summary>
internal sealed class Run(CompareOptions options, Scenario scenario, ScenarioPoint point)
{
    // No request of a scenario takes this long, so a reply that is later than this will not come.
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(10);

    // The limit of a run that a number of requests ends: enough for any sensible number.
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(10);

    /// <summary>Loads a server that has just been started, and stops it.</summary>
    /// <param name="server">The server.</param>
    /// <param name="events">Events for the kernel to count meanwhile, at some cost.</param>
    /// <param name="stacks">Samples its stacks meanwhile; null without.</param>
    /// <param name="cancelled">Ends it early.</param>
    /// <exception cref="IOException">It did not accept connections, or did not stop as it should.</exception>
    public (RoundFigures Figures, LoadTally Tally) Against(ServerUnderTest server, IReadOnlyList<KernelEvent> events, StackSampler? stacks, CancellationToken cancelled)
    {
        using FileTree? tree = TreeAt(server);
        Func<Exchange> exchange = tree is null ? () => options.Exchange(scenario.Mix) : tree.Exchange;
        tree?.Make(cancelled);
        long? memoryBefore = server.Memory;
        int? otherListeners = TcpSockets.OfOthersListening(int.Parse(server.Endpoint.Port, CultureInfo.InvariantCulture), server.Id);
        using KernelCounters counters = KernelCounters.Attach(server.Id, events);
        LoadOptions load = LoadOf(server, exchange);
        double? offered = null;
        if (scenario.Overload > 0)
        {
            double capacity = LoadGenerator.Run(load with { Depth = 1 }, report: null, cancelled).Throughput;
            cancelled.ThrowIfCancellationRequested();
            if (capacity == 0)
                throw new IOException("it answered nothing in a closed loop, so it cannot be overloaded");
            offered = scenario.Overload * capacity;
            load = load with { Arrivals = OpenLoop.At(offered.Value) };
        }

        Sample? before = null, after = null;
        long? memory = null;
        LoadTally tally = LoadGenerator.Run(
            load with
            {
                Measuring = (begins, replies) =>
                {
                    stacks?.Keep(begins);
                    if (begins)
                        (before, after) = Watch(server, counters, replies, cancelled);
                    else
                        (memory, after) = (server.Memory, after ?? Sample.Of(server, counters, replies));
                },
            },
            report: null,
            cancelled);
        cancelled.ThrowIfCancellationRequested();
        tree?.Dispose();
        server.Stop();
        return (FiguresOf(tally, before is { } first ? after?.Since(first) : null, memory, memory - memoryBefore, offered) with { OtherListeners = otherListeners }, tally);
    }

    // Reads the use of resources twice, over most of the measured time. Each reading also counts the replies, so a late reading does no harm.
    // When a number of requests ends the run, the second reading follows the last request.
    private (Sample? Before, Sample? After) Watch(ServerUnderTest server, KernelCounters counters, Func<long> replies, CancellationToken cancelled)
    {
        const double Most = 0.9;
        long start = Stopwatch.GetTimestamp();
        Sample? before = Sample.Of(server, counters, replies);
        if (options.Requests is not null)
            return (before, null);
        TimeSpan left = (Most * options.Duration) - Stopwatch.GetElapsedTime(start);
        if (left > TimeSpan.Zero)
            cancelled.WaitHandle.WaitOne(left);
        return (before, Sample.Of(server, counters, replies));
    }

    private RoundFigures FiguresOf(LoadTally tally, Sample? used, long? memory, long? grown, double? offered)
    {
        double? Us(double percent) => tally.Latencies.Count > 0 ? tally.Latencies.Percentile(percent) / 1e3 : null;

        double? requests = used?.ServerReplies > 0 ? used?.ServerReplies : null, counted = used?.KernelReplies > 0 ? used?.KernelReplies : null;
        return new(
            tally.Throughput,
            Us(50),
            Us(90),
            Us(99),
            Us(99.9),
            Us(100),
            tally.Errors.Total,
            used?.Server.CpuNanoseconds > 0 ? used?.Server.CpuNanoseconds / 1e3 / requests : null,
            used?.Server.ContextSwitches / requests,
            grown > 0 ? (double)grown / point.All : null,   // less than what can be measured
            memory,
            used?.Server.Processes,
            used?.Server.Threads,
            offered,
            offered is null ? null : tally.Throughput / offered,
            tally.BusiestThread)
        {
            OthersShare = used?.Machine.OthersShare(used.Value.Server.CpuNanoseconds / 1e9),
            StolenShare = used?.Machine.StolenShare,
            SyscallsPerRequest = used?.Kernel[KernelEvent.SystemCalls] / counted,
            PageFaultsPerRequest = used?.Kernel[KernelEvent.PageFaults] / counted,
            InstructionsPerRequest = used?.Kernel[KernelEvent.Instructions] / counted,
        };
    }

    private FileTree? TreeAt(ServerUnderTest server) => scenario.Files is { } files
        ? new(
            new(server.Endpoint.Host, int.Parse(server.Endpoint.Port, CultureInfo.InvariantCulture), ""),
            files,
            new() { ReservedPort = false, MountPort = server.MountPort, Timeout = s_timeout })
        : null;

    private LoadOptions LoadOf(ServerUnderTest server, Func<Exchange> exchange) => new()
    {
        Server = server.Endpoint,
        Exchange = exchange,
        Connections = point.Connections,
        IdleConnections = point.Idle,
        SlowReaders = point.SlowReaders,
        Depth = scenario.Depth,
        CallsPerConnection = scenario.CallsPerConnection,
        WarmUp = options.Requests is null ? options.WarmUp : TimeSpan.Zero,   // its requests would count towards the number
        Requests = options.Requests ?? 0,
        Duration = options.Requests is null ? options.Duration : s_longest,
        Threads = options.ClientThreads,
        Timeout = s_timeout,
    };

    /// <summary>The resources that a server and the machine used up to a moment, or between two.</summary>
    /// <param name="Server">The use of the server.</param>
    /// <param name="ServerReplies">Right replies at that reading.</param>
    /// <param name="Kernel">The kernel's counts.</param>
    /// <param name="KernelReplies">Right replies at that reading.</param>
    /// <param name="Machine">The use of the machine.</param>
    private readonly record struct Sample(ProcessUsage Server, double ServerReplies, KernelCounts Kernel, double KernelReplies, MachineUse Machine)
    {
        public static Sample? Of(ServerUnderTest server, KernelCounters counters, Func<long> replies)
        {
            // The load goes on during a reading, so the number of replies is the mean of the numbers before and after it.
            long first = replies();
            if (server.Usage is not { } usage)
                return null;
            long second = replies();
            KernelCounts kernel = counters.Read();
            return new(usage, (first + second) / 2.0, kernel, (second + replies()) / 2.0, MachineUse.Now());
        }

        public Sample Since(Sample before) => new(
            Server.Since(before.Server),
            ServerReplies - before.ServerReplies,
            Kernel.Since(before.Kernel),
            KernelReplies - before.KernelReplies,
            Machine.Since(before.Machine));
    }
}
