using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using Multiplex.Benchmarks;

if (args is [SocketEchoServer.Argument])
{
    SocketEchoServer.Run();
    return 0;
}

if (args is [AsyncCalls.ServerArgument])
{
    await AsyncCalls.Serve().ConfigureAwait(false);
    return 0;
}

// async: what async procedures cost a whole server, in half a minute.
if (args is [AsyncCalls.Argument])
{
    await AsyncCalls.Run().ConfigureAwait(false);
    return 0;
}

// Without arguments: every benchmark, a short job. --full: the default job, which takes far longer.
// The rest goes to BenchmarkDotNet: --filter '*Xdr*', --list flat, …
bool full = args.Contains("--full");
string[] rest = [.. args.Where(argument => argument != "--full")];
if (rest.Length == 0)
    rest = ["--filter", "*"];

Summary[] summaries = [.. BenchmarkSwitcher.FromAssembly(typeof(BenchmarkConfig).Assembly).Run(rest, new BenchmarkConfig(full))];
bool failed = summaries.Any(summary => summary.HasCriticalValidationErrors || summary.Reports.Any(report => !report.Success));
return failed ? 1 : 0;
