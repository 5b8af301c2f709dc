using Multiplex.Load.Reporting;

namespace Multiplex.Tests.Load.Reporting;

/// <summary>The machine's description in a report.</summary>
public class MachineReportTests
{
    [TestCase("processor\t: 0\nmodel name\t: Intel(R) Xeon(R) CPU @ 2.80GHz\nmodel name\t: another", "Intel(R) Xeon(R) CPU @ 2.80GHz")]
    [TestCase("processor\t: 0\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: 0xd0c", "ARM64 part 0xd0c of implementer 0x41")]
    [TestCase("", "unknown")]
    public void A_processor_is_named_as_proc_cpuinfo_does(string lines, string name) =>
        Assert.That(MachineReport.ProcessorName(lines.Split('\n')), Is.EqualTo(name));
}
