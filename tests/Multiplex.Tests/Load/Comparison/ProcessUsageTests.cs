using System.Diagnostics;
using Multiplex.Load.Comparison;

namespace Multiplex.Tests.Load.Comparison;

/// <summary>What a process and its descendants use, the ended ones included.</summary>
public class ProcessUsageTests
{
    [Test]
    public void Children_and_their_children_count_and_so_does_the_CPU_of_those_that_have_ended()
    {
        // A child that works and ends; then one that has a child of its own, and both stay.
        const string Script = "(i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done); (sleep 60 & echo ready; wait) & read line";
        using Process shell = Process.Start(new ProcessStartInfo("sh", ["-c", Script]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        try
        {
            Assert.That(shell.StandardOutput.ReadLine(), Is.EqualTo("ready"));
            ProcessUsage usage = ProcessUsage.Of(shell.Id, null);
            Assert.That(usage.Processes, Is.EqualTo(3));
            Assert.That(usage.Threads, Is.EqualTo(3));
            Assert.That(usage.CpuNanoseconds, Is.GreaterThan(20_000_000), "the loop of the child that has ended");
            Assert.That(ProcessUsage.MemoryOf(shell.Id), Is.Positive);
            Assert.That(usage.Since(usage), Is.EqualTo(new ProcessUsage(0, 0, 0, 3, 3)));
        }
        finally
        {
            shell.Kill(entireProcessTree: true);
            shell.WaitForExit();
        }
    }
}
