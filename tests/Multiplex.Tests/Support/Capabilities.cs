using System.Runtime.InteropServices;

namespace Multiplex.Tests.Support;

/// <summary>capset(2): the privileges of root, which each thread has separately.</summary>
internal static class Capabilities
{
    private const uint Version3 = 0x2008_0522;   // _LINUX_CAPABILITY_VERSION_3

    /// <summary>Drops those of the calling thread, for good.</summary>
    public static void DropAll()
    {
        uint[] header = [Version3, 0];
        uint[] none = new uint[6];   // effective, permitted, inheritable, twice
        Assert.That(capset(header, none), Is.Zero);
    }

    [DllImport("libc")]
    private static extern int capset(uint[] header, uint[] data);
}
