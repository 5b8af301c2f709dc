using System.Diagnostics;
using Multiplex.Benchmarks.Servers;
using Multiplex.Load.Processes;

namespace Multiplex.RivalBenchmarks;

/// <summary>
/// Runs all rivals in turn, three times, each time with a new server and a new client, and prints a table of the medians. Server and client are
/// two processes on one machine. A run takes about 90 seconds.
/// </summary>
internal static class Comparison
{
    private const int Rounds = 3;

    public static void Run()
    {
        Dictionary<Rival, List<Figures>> found = Rival.All.ToDictionary(rival => rival, _ => new List<Figures>());
        for (int round = 0; round < Rounds; round++)
        {
            foreach (Rival rival in Rival.All)
                found[rival].Add(Measure(rival));
        }

        Dictionary<Rival, Figures> medians = found.ToDictionary(one => one.Key, one => Median(one.Value));
        Figures best = medians.Where(one => one.Key is not MultiplexRival).Select(one => one.Value).MaxBy(figures => figures.Rate)!;
        Console.WriteLine("50 callers on one TCP connection over loopback, a unary echo of 64 bytes; medians of 3 runs\n");
        Console.WriteLine("| | calls/s | of the fastest other | CPU a call, server + client | of that one's | allocated by the client |");
        Console.WriteLine("|---|---:|---:|---:|---:|---:|");
        foreach ((Rival rival, Figures figures) in medians)
        {
            Console.WriteLine(
                $"| {rival.Name} | {figures.Rate:N0} | {figures.Rate / best.Rate:N1} | {figures.ServerCpu:N2} + {figures.ClientCpu:N2} μs | {figures.Cpu / best.Cpu:N3} | {figures.Allocated:N0} B |");
        }
    }

    private static Figures Measure(Rival rival)
    {
        using ServerProcess server = BenchmarkServers.OfThisExecutable("server", rival.Name);
        ProcessStartInfo start = new(Environment.ProcessPath!, ["client", rival.Name, server.Endpoint.ToString(), $"{server.Id}"]) { RedirectStandardOutput = true };
        using Process client = Process.Start(start)!;
        string line = client.StandardOutput.ReadToEnd().Trim();
        client.WaitForExit();
        if (client.ExitCode != 0)
            throw new InvalidOperationException($"the client of {rival.Name} ended with status {client.ExitCode}: {line}");
        Figures figures = Figures.Parse(line);
        Console.Error.WriteLine($"{rival.Name}: {figures.Rate:N0} calls/s, {figures.Cpu:N2} μs of CPU");
        return figures;
    }

    // The median of each column.
    private static Figures Median(List<Figures> all) => new(
        Middle(all.Select(figures => figures.Rate)),
        Middle(all.Select(figures => figures.ServerCpu)),
        Middle(all.Select(figures => figures.ClientCpu)),
        Middle(all.Select(figures => figures.Allocated)));

    private static double Middle(IEnumerable<double> values) => values.Order().ElementAt(Rounds / 2);
}
