using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Perfolizer.Horology;

namespace Multiplex.Benchmarks;

/// <summary>How all benchmarks run: in this process, so with the command's runtime settings and without another build.</summary>
public sealed class BenchmarkConfig : ManualConfig
{
    private const string RootMark = "Multiplex.sln";

    /// <summary>Chooses the job.</summary>
    /// <param name="full">BenchmarkDotNet's default job; else a short one.</param>
    public BenchmarkConfig(bool full)
    {
        Add(DefaultConfig.Instance);
        ArtifactsPath = Path.Combine(RepositoryRoot(), "artifacts", "benchmarks");
        HideColumns(Column.AllocRatio);   // the baseline allocates nothing
        AddJob((full ? Job.Default : Short()).WithToolchain(InProcessEmitToolchain.Instance));
    }

    // Many short iterations, not few long ones: with twelve, a disturbance by another process has little effect on the result.
    private static Job Short() => new Job("Short")
        .WithWarmupCount(3)
        .WithIterationCount(12)
        .WithIterationTime(TimeInterval.FromMilliseconds(120));

    private static string RepositoryRoot()
    {
        DirectoryInfo? directory = new(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, RootMark)))
            directory = directory.Parent;
        return directory?.FullName ?? Directory.GetCurrentDirectory();
    }
}
