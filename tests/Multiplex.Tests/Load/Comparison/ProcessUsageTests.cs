using System.Diagnostics;
using Multiplex.Load.Comparison.Usage;

namespace Multiplex.Tests.Load.Comparison;

/// <summary>The resources that a process and its descendants use, including those that have ended.</summary>
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
            ProcessUsage usage = ProcessUsage.Of(shell.Id, null)!.Value;
            Assert.That(usage.Processes, Is.EqualTo(3));
            Assert.That(usage.Threads, Is.EqualTo(3));
            Assert.That(usage.CpuNanoseconds, Is.GreaterThan(20_000_000), "the loop of the child that has ended");
            Assert.That(ProcessUsage.MemoryOf(shell.Id), Is.Positive);
            ProcessUsage none = usage.Since(usage);
            Assert.That((none.CpuNanoseconds, none.ContextSwitches, none.Processes, none.Threads), Is.EqualTo((0L, (long?)0, 3, 3)));
        }
        finally
        {
            shell.Kill(entireProcessTree: true);
            shell.WaitForExit();
        }
    }

    [Test]
    public void Nothing_is_known_of_a_process_that_has_ended()
    {
        using Process shell = Process.Start("sh", ["-c", "exit"]);
        shell.WaitForExit();
        Assert.That((ProcessUsage.Of(shell.Id, null), ProcessUsage.MemoryOf(shell.Id)), Is.EqualTo(((ProcessUsage?)null, (long?)null)));
    }

    [Test]
    public void Context_switches_of_a_process_whose_children_take_their_counts_with_them_are_not_known()
    {
        using Process shell = Process.Start(new ProcessStartInfo("sh", ["-c", "sleep 60 & echo; read line; kill $!; sleep 60 & echo; wait"]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        try
        {
            shell.StandardOutput.ReadLine();
            ProcessUsage before = ProcessUsage.Of(shell.Id, null)!.Value;
            shell.StandardInput.WriteLine();
            shell.StandardOutput.ReadLine();
            Assert.That(ProcessUsage.Of(shell.Id, null)!.Value.Since(before).ContextSwitches, Is.Null);
        }
        finally
        {
            shell.Kill(entireProcessTree: true);
            shell.WaitForExit();
        }
    }
}
