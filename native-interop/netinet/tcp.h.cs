namespace Multiplex.Interop;

// tcp(7)
public static partial class Libc
{
    public const int TCP_NODELAY = 1;
    public const int TCP_MAXSEG = 2;
    public const int TCP_KEEPIDLE = 4;
    public const int TCP_KEEPINTVL = 5;
    public const int TCP_KEEPCNT = 6;
    public const int TCP_SYNCNT = 7;
    public const int TCP_INFO = 11;
    public const int TCP_USER_TIMEOUT = 18;
}
