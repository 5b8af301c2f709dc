using System.Diagnostics;
using Multiplex.Load.Processes;
using Multiplex.Rpc.Client;
using Multiplex.Rpc.Server;

namespace Multiplex.Benchmarks;

/// <summary>
/// The cost of async procedures in a whole server, model epoll in a separate process: the CPU time of a call to one that ends at once and to a synchronous
/// one, in turn on the same connection; and the time and the memory of many calls that wait at once.
/// </summary>
internal static class AsyncCalls
{
    public const string Argument = "async", ServerArgument = "async-server";

    private const int Rounds = 9, InFlight = 16, Waiting = 10_000;
    private const uint WaitMilliseconds = 100;
    private static readonly TimeSpan s_round = TimeSpan.FromSeconds(1);

    public static async Task Serve()
    {
        await using RpcServer server = await RpcServer.StartAsync(options => options.Listen("tcp://127.0.0.1:0"), new Measured()).ConfigureAwait(false);
        Console.WriteLine($"listening {server.Endpoints[0]} model=epoll protocol=measured pid={Environment.ProcessId}");
        await server.Completion.ConfigureAwait(false);
    }

    public static async Task Run()
    {
        using ServerProcess process = new(Environment.ProcessPath!, [.. Self(), ServerArgument]);
        process.AwaitListening();
        using Process server = Process.GetProcessById(process.Id);
        RpcClient client = await RpcClient.ConnectAsync(process.Endpoint).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            IMeasured measured = client.Create<IMeasured>();
            await Compare(server, new MeasuredV1Client(client)).ConfigureAwait(false);
            await WaitAtOnce(server, measured).ConfigureAwait(false);
        }
    }

    private static async Task Compare(Process server, MeasuredV1Client client)
    {
        List<double> synchronous = [], asynchronous = [];
        for (int round = -1; round < Rounds; round++)   // the first warms up
        {
            double sum = await CpuOf(server, () => client.SumAsync(1, 2)).ConfigureAwait(false);
            double add = await CpuOf(server, () => client.AddAsync(1, 2)).ConfigureAwait(false);
            if (round < 0)
                continue;
            synchronous.Add(sum);
            asynchronous.Add(add);
        }

        double ratio = Median([.. synchronous.Zip(asynchronous, (sum, add) => add / sum)]);
        Console.WriteLine($"{InFlight} calls in flight: synchronous {Median(synchronous):F2} µs of server CPU a call, async that ends at once {Median(asynchronous):F2}, ratio {ratio:F3}");
    }

    // Microseconds of the server's CPU time for a call.
    private static async Task<double> CpuOf(Process server, Func<ValueTask<uint>> call)
    {
        long calls = 0;
        long start = Stopwatch.GetTimestamp();
        TimeSpan before = Cpu(server);
        await Task.WhenAll(Enumerable.Range(0, InFlight).Select(_ => Task.Run(async () =>
        {
            while (Stopwatch.GetElapsedTime(start) < s_round)
            {
                await call().ConfigureAwait(false);
                Interlocked.Increment(ref calls);
            }
        }))).ConfigureAwait(false);
        return (Cpu(server) - before).TotalMicroseconds / calls;
    }

    private static async Task WaitAtOnce(Process server, IMeasured measured)
    {
        for (int round = 0; round < 3; round++)
        {
            server.Refresh();
            long before = server.WorkingSet64;
            TimeSpan cpu = Cpu(server);
            long start = Stopwatch.GetTimestamp();
            Task<uint>[] calls = [.. Enumerable.Range(0, Waiting).Select(_ => measured.WaitAsync(WaitMilliseconds).AsTask())];
            await Task.WhenAll(calls).ConfigureAwait(false);
            TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
            cpu = Cpu(server) - cpu;
            Console.WriteLine($"{Waiting:N0} calls that wait {WaitMilliseconds} ms at once: {elapsed.TotalMilliseconds:F0} ms, {cpu.TotalMilliseconds:F0} ms of server CPU, "
                + $"resident {before >> 20} MiB before, {server.WorkingSet64 >> 20} MiB after, {server.PeakWorkingSet64 >> 20} MiB at most");
        }
    }

    private static TimeSpan Cpu(Process process)
    {
        process.Refresh();
        return process.TotalProcessorTime;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    // What precedes the arguments if the executable of this process is dotnet itself.
    private static string[] Self() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(AsyncCalls).Assembly.Location] : [];
}
