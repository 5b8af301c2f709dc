using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// Filters on sockets: SO_ATTACH_FILTER of socket(7)
public static unsafe partial class Libc
{
    public const ushort BPF_RET = 0x06;
    public const ushort BPF_K = 0x00;

    /// <summary>One instruction of a filter.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct sock_filter
    {
        public ushort code;
        public byte jt;
        public byte jf;
        public uint k;
    }

    /// <summary>A filter: how many instructions, and where they are.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct sock_fprog
    {
        public ushort len;
        public sock_filter* filter;
    }
}
