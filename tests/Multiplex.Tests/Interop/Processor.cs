using System.Runtime.InteropServices;
using Multiplex.Interop;

namespace Multiplex.Tests.Interop;

/// <summary>A processor whose constants and layouts native-interop has.</summary>
/// <param name="Architecture">Which one.</param>
/// <param name="Values">Those that differ from the other's.</param>
/// <param name="CrossCompiler">A C compiler for it on any machine.</param>
public sealed record Processor(Architecture Architecture, Type Values, string CrossCompiler)
{
    public static Processor X64 { get; } = new(Architecture.X64, typeof(Libc.X64), "x86_64-linux-gnu-gcc");

    public static Processor Arm64 { get; } = new(Architecture.Arm64, typeof(Libc.Arm64), "aarch64-linux-gnu-gcc");

    public static Processor[] All { get; } = [X64, Arm64];

    /// <summary>The processor that the tests run on.</summary>
    public static Processor This { get; } = All.Single(processor => processor.Architecture == RuntimeInformation.ProcessArchitecture);

    /// <summary>The C compilers for it, the preferred one first.</summary>
    public string[] Compilers => this == This ? ["gcc", "cc"] : [CrossCompiler];

    public override string ToString() => Architecture.ToString();
}
