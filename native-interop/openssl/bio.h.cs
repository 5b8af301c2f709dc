using System.Runtime.InteropServices;

namespace Multiplex.Interop;

public static unsafe partial class OpenSsl
{
    public const int BIO_CTRL_RESET = 1;

    /// <summary>BIO: where bytes come from or go to; here memory.</summary>
    public readonly struct BIO;

    /// <summary>BIO_METHOD: a kind of BIO.</summary>
    public readonly struct BIO_METHOD;

    [LibraryImport(Crypto)]
    public static partial BIO_METHOD* BIO_s_mem();

    [LibraryImport(Crypto)]
    public static partial BIO* BIO_new(BIO_METHOD* type);

    [LibraryImport(Crypto)]
    public static partial int BIO_up_ref(BIO* a);

    [LibraryImport(Crypto)]
    public static partial int BIO_free(BIO* a);

    [LibraryImport(Crypto)]
    public static partial int BIO_read(BIO* b, byte* data, int dlen);

    [LibraryImport(Crypto)]
    public static partial int BIO_write(BIO* b, byte* data, int dlen);

    [LibraryImport(Crypto)]
    public static partial nuint BIO_ctrl_pending(BIO* b);

    [LibraryImport(Crypto)]
    public static partial nint BIO_ctrl(BIO* bp, int cmd, nint larg, void* parg);
}
