namespace Multiplex.Interop;

// udp(7)
public static partial class Libc
{
    public const int SOL_UDP = 17;

    /// <summary>Segmentation offload: the kernel splits one send into datagrams of this many bytes; the last one may be shorter.</summary>
    public const int UDP_SEGMENT = 103;

    /// <summary>The reverse: datagrams of one sender and of equal length may be received with one call, and the length of each comes beside the bytes.</summary>
    public const int UDP_GRO = 104;
}
