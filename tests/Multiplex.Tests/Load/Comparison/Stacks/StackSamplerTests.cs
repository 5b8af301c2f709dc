using System.Diagnostics;
using Multiplex.Load.Comparison.Stacks;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Load.Comparison.Stacks;

/// <summary>The stacks of a C program whose functions are known, with and without unwind information.</summary>
public class StackSamplerTests
{
    // Its child does the same; the parent waits. A tail call would leave no frame.
    private const string Program = """
        #include <stdio.h>
        #include <unistd.h>
        #include <sys/wait.h>
        volatile long count;
        __attribute__((noinline)) void hot(void) { for (int i = 0; i < 100000; i++) count++; }
        __attribute__((noinline)) void middle(int depth) { if (depth > 0) middle(depth - 1); else hot(); count++; }
        int main(void)
        {
            puts("ready"); fflush(stdout); getchar();
            if (fork() == 0) for (;;) middle(3);
            wait(NULL);
            return 0;
        }
        """;

    [TestCase("-fomit-frame-pointer", "-fasynchronous-unwind-tables")]
    [TestCase("-fno-omit-frame-pointer", "-fno-asynchronous-unwind-tables")]
    public void Callers_are_found_by_call_frame_information_or_by_frame_pointers(params string[] options)
    {
        FlameGraph graph = Sample(options);
        Assert.That(graph.WhyNot, Is.Null, () => Lines(graph.Root));
        Assert.That(Paths(graph.Root, ""), Has.Some.Contains("/main/middle/middle/middle/").And.Some.Contains("/hot"), () => Lines(graph.Root));
    }

    [Test]
    public void A_program_with_neither_is_not_drawn()
    {
        FlameGraph graph = Sample("-fomit-frame-pointer", "-fno-asynchronous-unwind-tables");
        Assert.That(graph.WhyNot, Does.StartWith("the callers in ").And.Contain("neither"), () => Lines(graph.Root));
    }

    private static FlameGraph Sample(params string[] options)
    {
        string compiler = Tools.Require("gcc");
        if (StackSampler.WhyNot() is { } why)
            Assert.Ignore(why);
        using TemporaryDirectory folder = new();
        File.WriteAllText(folder["program.c"], Program);
        using (Process gcc = Process.Start(compiler, ["-O1", "-fno-optimize-sibling-calls", .. options, "-o", folder["program"], folder["program.c"]]))
        {
            gcc.WaitForExit();
            Assert.That(gcc.ExitCode, Is.Zero);
        }

        using Process program = Process.Start(new ProcessStartInfo(folder["program"]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        try
        {
            program.StandardOutput.ReadLine();
            using StackSampler sampler = StackSampler.Attach(program.Id);
            sampler.Keep(true);
            program.StandardInput.WriteLine();
            Eventually.Holds(() => sampler.Result.Root.Samples >= 100, "it is not sampled");
            sampler.Keep(false);
            return sampler.Result;
        }
        finally
        {
            program.Kill(entireProcessTree: true);
            program.WaitForExit();
        }
    }

    private static IEnumerable<string> Paths(FlameFrame frame, string above) =>
        frame.Called.SelectMany(called => Paths(called, $"{above}/{called.Name}")).Prepend(above);

    private static string Lines(FlameFrame frame) => string.Join('\n', Paths(frame, ""));
}
