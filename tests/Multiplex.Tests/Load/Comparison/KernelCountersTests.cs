using System.Diagnostics;
using Multiplex.Load.Comparison.Usage;

namespace Multiplex.Tests.Load.Comparison;

/// <summary>The kernel's counts of a process, and of the children that it makes later.</summary>
public class KernelCountersTests
{
    [Test]
    public void Children_that_are_made_later_and_have_ended_are_part_of_the_sum()
    {
        KernelEvent[] events = [.. KernelEvent.All.Where(one => one.WhyNot() is null)];
        if (!events.Contains(KernelEvent.PageFaults))
            Assert.Ignore($"{KernelEvent.PageFaults.WhyNot()}");
        using Process shell = Process.Start(new ProcessStartInfo("sh", ["-c", "echo; read line; /bin/true; /bin/true; echo; read line"]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        try
        {
            shell.StandardOutput.ReadLine();
            using KernelCounters counters = KernelCounters.Attach(shell.Id, events);
            KernelCounts before = counters.Read();
            shell.StandardInput.WriteLine();
            shell.StandardOutput.ReadLine();
            KernelCounts counts = counters.Read().Since(before);
            Assert.That(counts[KernelEvent.PageFaults], Is.GreaterThan(50), "two programs were loaded");
            Assert.That(counts[KernelEvent.SystemCalls], events.Contains(KernelEvent.SystemCalls) ? Is.GreaterThan(20) : Is.Null);
        }
        finally
        {
            shell.Kill();
            shell.WaitForExit();
        }
    }

    [Test]
    public void What_cannot_be_counted_has_a_reason()
    {
        foreach (KernelEvent event_ in KernelEvent.All)
            Assert.That(event_.WhyNot(), Is.Null.Or.Not.Empty, event_.Name);
    }
}
