using System.Runtime.InteropServices;

namespace Multiplex.Interop;

/// <summary>The platforms for which this layer has constants and layouts: Linux with glibc on x86-64 and on ARM64.</summary>
public static partial class Platform
{
    private static readonly string? s_problem = Problem(
        OperatingSystem.IsLinux() ? "Linux" : RuntimeInformation.OSDescription, RuntimeInformation.ProcessArchitecture, HasGlibc);

    /// <summary>Whether this process runs on ARM64, not on x86-64. It is constant for the compiler, so a branch on it costs nothing.</summary>
    public static bool IsArm64 => RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    // Only glibc has this function. It is called, not looked up by name: a static program exports no symbols.
    private static bool HasGlibc
    {
        get
        {
            try
            {
                return gnu_get_libc_version() != 0;
            }
            catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException)
            {
                return false;
            }
        }
    }

    /// <summary>
    /// Throws unless the platform is supported. The functions of <see cref="Libc"/> with which a program begins call it: those that make a
    /// socket, an epoll set or a mapping, open a file or look an address up.
    /// </summary>
    /// <exception cref="PlatformNotSupportedException">Any other platform, where a struct of this layer may be shorter than the kernel's.</exception>
    public static void RequireSupported()
    {
        if (s_problem is not null)
            throw new PlatformNotSupportedException(s_problem);
    }

    /// <summary>What is wrong with a platform, in one line; null for one that is supported.</summary>
    internal static string? Problem(string system, Architecture processor, bool hasGlibc) =>
        system == "Linux" && hasGlibc && processor is Architecture.X64 or Architecture.Arm64
            ? null
            : $"this is {system} on {NameOf(processor)}{(hasGlibc ? "" : " without glibc")}; Multiplex runs on Linux on x86-64 and ARM64, with glibc";

    private static string NameOf(Architecture processor) => processor switch
    {
        Architecture.X64 => "x86-64",
        Architecture.Arm64 => "ARM64",
        Architecture.X86 => "32-bit x86",
        Architecture.Arm => "32-bit ARM",
        _ => processor.ToString(),
    };

    /// <summary>The version of glibc, as text: gnu_get_libc_version(3).</summary>
    [LibraryImport("libc")]
    private static partial nint gnu_get_libc_version();
}
