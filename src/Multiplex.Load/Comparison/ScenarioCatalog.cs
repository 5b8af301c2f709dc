using Multiplex.Demo;
using Multiplex.Load.Workload;
using Multiplex.Load.Workload.Files;

namespace Multiplex.Load.Comparison;

/// <summary>Every scenario: a new one joins by one entry.</summary>
public static class ScenarioCatalog
{
    private static readonly RequestMix s_mixed = RequestMix.OfSize(64) with
    {
        Calls = [new(new(MultiplexV1Procedure.Echo), 90), new(new(MultiplexV1Procedure.Sleep, 10), 5), new(new(MultiplexV1Procedure.Burn, 500), 5)],
    };

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Scenario> All { get; } =
    [
        new(
            "echo",
            "64 bytes there and back, one call at a time on each connection.",
            "With one connection the latency is the price of waking up a thread or a process; with many, see which servers' throughput grows and which falls. "
            + "Those that give each connection a thread or a process switch for every call, those that multiplex do not: compare switches and CPU for a request.",
            Points(1, 10, 100, 1000))
        {
            QuickPoints = Points(1, 50),
        },
        new(
            "pipeline",
            "64 bytes there and back, 16 calls under way on each connection.",
            "A server that reads all that has arrived and answers it with one send pays for its system calls once a batch. "
            + "Look at how far the CPU for a request falls below that of echo, and which servers pay for handing each call over.",
            Points(50))
        {
            Depth = 16,
            QuickPoints = Points(50),
        },
        new(
            "churn",
            "A new connection for each call.",
            "What a connection costs before its first byte: a fork, a thread, or an entry in a table. "
            + "Servers that make workers ahead avoid the price; compare prefork with fork, and pool with threads.",
            Points(8))
        {
            CallsPerConnection = 1,
            QuickPoints = Points(8),
        },
        new(
            "blocking",
            "Each call waits for 5 ms on the server (SLEEP), as for a disk or a database.",
            "One that runs calls on the thread that waits for connections does 200 a second, whatever the number of clients: all calls queue. "
            + "One with threads or processes to spare waits for many at the same time, and its p50 stays at 5 ms.",
            Points(32))
        {
            Mix = RequestMix.Of(MultiplexV1Procedure.Sleep, 5),
            AlsoJudgedBy = Metric.P50,
            QuickPoints = Points(32),
        },
        new(
            "cpu",
            "Each call needs 500 µs of CPU (BURN).",
            "Only servers that run on several cores can use them; the others stop at the capacity of one core. "
            + "Look at p99: a server with more runnable threads than cores lets some calls wait while others take turns.",
            Points(32))
        {
            Mix = RequestMix.Of(MultiplexV1Procedure.Burn, 500),
            AlsoJudgedBy = Metric.P99,
        },
        new(
            "idle",
            "Few busy connections beside thousands that are silent.",
            "The price of a connection that does nothing: a process, a thread's stack, or a few hundred bytes. "
            + "poll and select hand the whole list to the kernel at each wait, so their CPU for a request grows with it; that of epoll and io_uring does not.",
            Silent(1000, 8000))
        {
            AlsoJudgedBy = Metric.MemoryPerConnection,
            QuickPoints = Silent(2000),
        },
        new(
            "bulk",
            "1 MiB there and back, one call at a time on each connection.",
            "Copying is the cost here, in the kernel mostly, and the designs come close to each other. "
            + "Look at memory for a connection: half a request and unsent replies have to be kept somewhere.",
            Points(8))
        {
            Mix = RequestMix.OfSize(1 << 20),
            AlsoJudgedBy = Metric.MemoryPerConnection,
        },
        new(
            "overload",
            "An open loop of calls that need 100 µs of CPU (BURN), half as many again as the server can do.",
            "Latency counts from the moment that a call was due, so it includes every queue: p50 and p99 grow for as long as the overload lasts. "
            + "A sound server keeps its capacity; one that collapses falls below it; one that sheds load shows errors instead of latency.",
            Points(32))
        {
            Mix = RequestMix.Of(MultiplexV1Procedure.Burn, 100),
            Depth = 64,
            Overload = 1.5,
            JudgedBy = Metric.Answered,
            AlsoJudgedBy = Metric.P99,
            ToleratesErrors = true,
            QuickPoints = Points(32),
        },
        new(
            "slow-readers",
            "64 bytes there and back, beside clients that ask much and read little.",
            "Replies that are not read accumulate until the server stops reading from those clients: memory shows how soon it does. "
            + "The others should not notice; where their p99 rises, slow readers hold up a thread that serves them too.",
            [new(32, SlowReaders: 16)])
        {
            AlsoJudgedBy = Metric.P99,
        },
        new(
            "mixed",
            "Nine calls in ten are echo; of the rest, half wait for 10 ms and half need 500 µs of CPU.",
            "The slow calls are few, but behind one of them a single thread lets all clients wait: so p50 shows which servers stall. "
            + "Where threads run the calls, most are answered at once and only the slow ones are slow.",
            Points(50))
        {
            Mix = s_mixed,
            AlsoJudgedBy = Metric.P50,
        },
        new(
            "files",
            "NFS on 256 files of 64 KiB: GETATTR 40, LOOKUP 25, READ 20 and WRITE 10 of 4 KiB, READDIRPLUS 5 in 100 calls; 4 calls under way on each connection.",
            "All of it is in the page cache, so the calls differ by their system calls and not by a disk: look at CPU and system calls for a request. "
            + "On a slow disk a server that runs calls on the thread that waits for connections holds up everybody; those with threads or processes do not.",
            Points(1, 16))
        {
            Files = new(FileMix.UsualCalls, [new(4096, 1)]),
            Depth = 4,
            QuickPoints = Points(16),
        },
    ];

    private static ScenarioPoint[] Points(params IEnumerable<int> connections) => [.. connections.Select(number => new ScenarioPoint(number))];

    private static ScenarioPoint[] Silent(params IEnumerable<int> silent)
    {
        const int Busy = 16;
        return [.. silent.Select(number => new ScenarioPoint(Busy, Idle: number))];
    }
}
