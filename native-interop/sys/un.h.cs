using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// unix(7)
public static partial class Libc
{
    /// <summary>Address of a UNIX-domain socket: a path, or after a leading NUL a name of the abstract namespace.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct sockaddr_un
    {
        public ushort sun_family;
        public sun_path_buffer sun_path;
    }

    /// <summary>The 108 bytes of sun_path.</summary>
    [InlineArray(108)]
    public struct sun_path_buffer
    {
        private byte _first;
    }
}
