namespace Multiplex.ServerTests.Harness.Kernel;

/// <summary>Runs the command where the system gives it few threads.</summary>
internal static class FewThreads
{
    /// <summary>Runs it to its end.</summary>
    /// <param name="most">How many threads it gets beside its first, those of the runtime among them.</param>
    /// <param name="arguments">The arguments of the command.</param>
    public static ProgramRun Run(int most, params string[] arguments)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("multiplex-threads-");
        try
        {
            string library = Path.Combine(folder.FullName, "few_threads.so");
            ProgramRun.Successfully(
                Tools.Require("gcc"), ["-shared", "-fPIC", "-o", library, Path.Combine(AppContext.BaseDirectory, "Harness/Kernel", "few_threads.c"), "-ldl"]);
            return ProgramRun.Of(Tools.Require("env"), [$"LD_PRELOAD={library}", $"MOST_THREADS={most}", ServerProcess.Command, .. arguments]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
