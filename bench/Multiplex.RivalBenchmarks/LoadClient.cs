using System.Diagnostics;
using System.Globalization;
using Multiplex.Sockets;

namespace Multiplex.RivalBenchmarks;

/// <summary>The client's process: 50 callers that each make one call after the other.</summary>
internal static class LoadClient
{
    private const int Callers = 50;
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(1), s_measured = TimeSpan.FromSeconds(2);

    /// <summary>Calls for one second to warm up, and then for two measured seconds.</summary>
    /// <param name="rival">The library that makes the calls.</param>
    /// <param name="server">Where its server is.</param>
    /// <param name="serverId">The process id of the server, to measure its CPU time too.</param>
    public static async Task<Figures> Run(Rival rival, Endpoint server, int serverId)
    {
        using Process serving = Process.GetProcessById(serverId), own = Process.GetCurrentProcess();
        Func<Tally, Task> caller = await rival.Connect(server).ConfigureAwait(false);
        Tally[] tallies = [.. Enumerable.Range(0, Callers).Select(_ => new Tally())];
        Task[] callers = [.. tallies.Select(tally => Task.Run(() => caller(tally)))];
        Task failed = Task.WhenAny(callers);   // none ends before its tally is over, unless it fails
        await Task.WhenAny(failed, Task.Delay(s_warmUp)).ConfigureAwait(false);

        long calls = Calls(tallies), allocated = GC.GetTotalAllocatedBytes();
        TimeSpan serverCpu = CpuOf(serving), clientCpu = CpuOf(own);
        long start = Stopwatch.GetTimestamp();
        await Task.WhenAny(failed, Task.Delay(s_measured)).ConfigureAwait(false);
        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        calls = Calls(tallies) - calls;
        allocated = GC.GetTotalAllocatedBytes() - allocated;
        (serverCpu, clientCpu) = (CpuOf(serving) - serverCpu, CpuOf(own) - clientCpu);

        foreach (Tally tally in tallies)
            tally.End();
        await Task.WhenAll(callers).ConfigureAwait(false);
        return new(
            calls / elapsed.TotalSeconds,
            serverCpu.TotalMicroseconds / calls,
            clientCpu.TotalMicroseconds / calls,
            (double)allocated / calls);
    }

    private static long Calls(Tally[] tallies) => tallies.Sum(tally => tally.Calls);

    private static TimeSpan CpuOf(Process process)
    {
        process.Refresh();
        return process.TotalProcessorTime;
    }
}

/// <summary>The measurements of one client.</summary>
/// <param name="Rate">Calls a second, of all callers together.</param>
/// <param name="ServerCpu">Microseconds of the server's CPU time for a call.</param>
/// <param name="ClientCpu">Microseconds of the client's CPU time for a call.</param>
/// <param name="Allocated">Bytes that the client allocated for a call.</param>
internal sealed record Figures(double Rate, double ServerCpu, double ClientCpu, double Allocated)
{
    /// <summary>Microseconds of CPU time for a call, of both processes together.</summary>
    public double Cpu => ServerCpu + ClientCpu;

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    public static Figures Parse(string line) =>
        line.Split(' ').Select(word => double.Parse(word, CultureInfo.InvariantCulture)).ToArray() is [var rate, var server, var client, var allocated]
            ? new(rate, server, client, allocated)
            : throw new FormatException($"'{line}' is not four numbers");

    /// <summary>The four numbers, in order.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Rate} {ServerCpu} {ClientCpu} {Allocated}");
}
