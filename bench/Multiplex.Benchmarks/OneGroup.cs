using System.Collections.Immutable;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Order;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace Multiplex.Benchmarks;

/// <summary>Compares all benchmarks of a class with its baseline, whatever their arguments are.</summary>
public sealed class OneGroup : ManualConfig
{
    /// <summary>Makes the whole class one group.</summary>
    public OneGroup() => Orderer = new AsDeclared();

    // BenchmarkDotNet's own orderers look for a baseline with the same arguments.
    private sealed class AsDeclared : IOrderer
    {
        public bool SeparateLogicalGroups => false;

        public IEnumerable<BenchmarkCase> GetExecutionOrder(
            ImmutableArray<BenchmarkCase> benchmarksCase, IEnumerable<BenchmarkLogicalGroupRule>? order = null) => benchmarksCase;

        public IEnumerable<BenchmarkCase> GetSummaryOrder(
            ImmutableArray<BenchmarkCase> benchmarksCases, Summary summary) => benchmarksCases;

        public string? GetHighlightGroupKey(BenchmarkCase benchmarkCase) => null;

        public string GetLogicalGroupKey(ImmutableArray<BenchmarkCase> allBenchmarksCases, BenchmarkCase benchmarkCase) =>
            benchmarkCase.Descriptor.Type.Name;

        public IEnumerable<IGrouping<string, BenchmarkCase>> GetLogicalGroupOrder(
            IEnumerable<IGrouping<string, BenchmarkCase>> logicalGroups, IEnumerable<BenchmarkLogicalGroupRule>? order = null) =>
            logicalGroups;
    }
}
