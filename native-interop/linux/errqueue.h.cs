using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// The reports of SO_TIMESTAMPING: Documentation/networking/timestamping.rst of the kernel
public static partial class Libc
{
    /// <summary>Stamps of one packet: the first is the kernel's, the third the network card's.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct scm_timestamping
    {
        public ts_buffer ts;
    }

    /// <summary>The array of <see cref="scm_timestamping.ts"/>.</summary>
    [InlineArray(3)]
    public struct ts_buffer
    {
        private timespec _first;
    }
}
