namespace Multiplex.Interop;

// Flags of SO_TIMESTAMPING: Documentation/networking/timestamping.rst of the kernel
public static partial class Libc
{
    public const int SOF_TIMESTAMPING_TX_SOFTWARE = 1 << 1;
    public const int SOF_TIMESTAMPING_RX_SOFTWARE = 1 << 3;
    public const int SOF_TIMESTAMPING_SOFTWARE = 1 << 4;
    public const int SOF_TIMESTAMPING_OPT_TSONLY = 1 << 11;
}
