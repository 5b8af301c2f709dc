using Multiplex.Interop;

namespace Multiplex.ServerTests.Harness.Kernel;

/// <summary>Runs the command where seccomp(2) refuses some of its system calls.</summary>
internal static class RefusedCalls
{
    /// <summary>Without perf_event_open(2).</summary>
    public static ProgramRun WithoutPerfEvents(params string[] arguments) => Run(Libc.SYS_perf_event_open, Libc.SYS_perf_event_open, arguments);

    /// <summary>Without io_uring(7).</summary>
    public static ProgramRun WithoutUring(params string[] arguments) => Run(Libc.SYS_io_uring_setup, Libc.SYS_io_uring_register, arguments);

    private static ProgramRun Run(int first, int last, string[] arguments)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("multiplex-seccomp-");
        try
        {
            string program = Path.Combine(folder.FullName, "refused");
            ProgramRun.Successfully(Tools.Require("gcc"), ["-o", program, Path.Combine(AppContext.BaseDirectory, "Harness/Kernel", "refused.c")]);
            return ProgramRun.Of(program, [$"{first}", $"{last}", ServerProcess.Command, .. arguments]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
