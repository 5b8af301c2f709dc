using System.Runtime.InteropServices;
using Multiplex.Interop;

namespace Multiplex.Tests.Interop;

/// <summary>The library refuses a platform whose layouts are not checked.</summary>
public class PlatformTests
{
    [Test]
    public void This_one_is_supported() => Assert.That(Platform.RequireSupported, Throws.Nothing);

    [Test]
    public void Every_processor_without_checked_layouts_is_refused_by_name()
    {
        foreach (Architecture processor in Enum.GetValues<Architecture>().Except(Processor.All.Select(known => known.Architecture)))
            Assert.That(Platform.Problem("Linux", processor, hasGlibc: true), Does.StartWith("this is Linux on ").And.EndsWith(Supported).And.Contains(NameOf(processor)));
        Assert.That(Processor.All.Select(known => Platform.Problem("Linux", known.Architecture, hasGlibc: true)), Is.All.Null);
    }

    [Test]
    public void Another_C_library_is_refused() => Assert.That(
        Platform.Problem("Linux", Architecture.X64, hasGlibc: false), Is.EqualTo($"this is Linux on x86-64 without glibc; {Supported}"));

    [Test]
    public void Another_system_is_refused() => Assert.That(
        Platform.Problem("Darwin 24.1.0", Architecture.Arm64, hasGlibc: true), Is.EqualTo($"this is Darwin 24.1.0 on ARM64; {Supported}"));

    private const string Supported = "Multiplex runs on Linux on x86-64 and ARM64, with glibc";

    private static string NameOf(Architecture processor) => processor switch
    {
        Architecture.X86 => "32-bit x86",
        Architecture.Arm => "32-bit ARM",
        _ => processor.ToString(),
    };
}
