using BenchmarkDotNet.Running;
using Multiplex.Benchmarks;
using Multiplex.GrpcBenchmarks;

if (args is [GrpcServer.Argument])
{
    GrpcServer.Run();
    return 0;
}

bool full = args.Contains("--full");
return BenchmarkRunner.Run<UnaryEchoBenchmarks>(new BenchmarkConfig(full)).Reports.All(report => report.Success) ? 0 : 1;
