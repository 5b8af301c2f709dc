using System.Runtime.InteropServices;

namespace Multiplex.Interop;

public static unsafe partial class OpenSsl
{
    public const uint XN_FLAG_RFC2253 = 0x1110317;
    public const int X509_V_OK = 0;

    /// <summary>X509: a certificate.</summary>
    public readonly struct X509;

    /// <summary>X509_NAME: a distinguished name.</summary>
    public readonly struct X509_NAME;

    /// <summary>X509_VERIFY_PARAM: what a certificate is checked for.</summary>
    public readonly struct X509_VERIFY_PARAM;

    /// <summary>X509_verify_cert_error_string: what a result of SSL_get_verify_result means.</summary>
    public static string X509_verify_cert_error_string(nint n) =>
        Marshal.PtrToStringUTF8((nint)X509_verify_cert_error_string_raw(n)) ?? $"error {n}";

    [LibraryImport(Crypto)]
    public static partial void X509_free(X509* a);

    [LibraryImport(Crypto)]
    public static partial int i2d_X509(X509* a, byte** pp);

    [LibraryImport(Crypto)]
    public static partial X509_NAME* X509_get_subject_name(X509* a);

    [LibraryImport(Crypto)]
    public static partial int X509_NAME_print_ex(BIO* @out, X509_NAME* nm, int indent, nuint flags);

    [LibraryImport(Crypto, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int X509_VERIFY_PARAM_set1_ip_asc(X509_VERIFY_PARAM* param, string ipasc);

    [LibraryImport(Crypto, EntryPoint = "X509_verify_cert_error_string")]
    private static partial byte* X509_verify_cert_error_string_raw(nint n);
}
