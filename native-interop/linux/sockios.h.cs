namespace Multiplex.Interop;

// Requests of ioctl(2) for sockets: tcp(7), unix(7)
public static partial class Libc
{
    public const uint SIOCINQ = 0x541B;
    public const uint SIOCOUTQ = 0x5411;

    /// <summary>For <see cref="ioctl(int, uint, out int)"/>: bytes of a TCP socket that have not been sent once.</summary>
    public const uint SIOCOUTQNSD = 0x894B;
}
