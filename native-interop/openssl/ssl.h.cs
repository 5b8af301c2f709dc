using System.Runtime.InteropServices;

namespace Multiplex.Interop;

/// <summary>
/// libssl and libcrypto of OpenSSL 3, which .NET itself uses. The program is not linked with them: dlopen(3) loads them when a function is
/// first called, so that a program also starts where they are not installed. See <see cref="IsAvailable"/>.
/// </summary>
public static unsafe partial class OpenSsl
{
    public const int TLS1_3_VERSION = 0x0304;
    public const int SSL_FILETYPE_PEM = 1;
    public const int SSL_VERIFY_NONE = 0x00;
    public const int SSL_VERIFY_PEER = 0x01;
    public const int SSL_VERIFY_FAIL_IF_NO_PEER_CERT = 0x02;
    public const int SSL_ERROR_NONE = 0;
    public const int SSL_ERROR_SSL = 1;
    public const int SSL_ERROR_WANT_READ = 2;
    public const int SSL_ERROR_SYSCALL = 5;
    public const int SSL_ERROR_ZERO_RETURN = 6;
    public const int SSL_CTRL_MODE = 33;
    public const int SSL_CTRL_SET_SESS_CACHE_MODE = 44;
    public const int SSL_CTRL_SET_TLSEXT_HOSTNAME = 55;
    public const int SSL_CTRL_SET_MIN_PROTO_VERSION = 123;
    public const int SSL_CTRL_SET_MAX_PROTO_VERSION = 124;
    public const int SSL_MODE_RELEASE_BUFFERS = 0x10;
    public const int SSL_SESS_CACHE_OFF = 0;
    public const int SSL_KEY_UPDATE_REQUESTED = 1;
    public const int SSL_CLIENT_HELLO_SUCCESS = 1;
    public const int SSL_CLIENT_HELLO_ERROR = 0;
    public const int SSL_TLSEXT_ERR_OK = 0;
    public const int SSL_TLSEXT_ERR_ALERT_FATAL = 2;
    public const int SSL_AD_NO_APPLICATION_PROTOCOL = 120;
    public const int TLSEXT_NAMETYPE_host_name = 0;
    public const int TLSEXT_TYPE_application_layer_protocol_negotiation = 16;
    public const ulong SSL_OP_NO_COMPRESSION = 1ul << 17;
    public const ulong SSL_OP_NO_TICKET = 1ul << 14;
    public const ulong SSL_OP_NO_RENEGOTIATION = 1ul << 30;

    private const string Ssl = "libssl.so.3", Crypto = "libcrypto.so.3";

    /// <summary>Whether both libraries can be loaded.</summary>
    public static bool IsAvailable { get; } = NativeLibrary.TryLoad(Crypto, out _) && NativeLibrary.TryLoad(Ssl, out _);

    /// <summary>SSL_CTX: what all connections of one side have in common.</summary>
    public readonly struct SSL_CTX;

    /// <summary>SSL_METHOD: which protocols there are.</summary>
    public readonly struct SSL_METHOD;

    /// <summary>SSL: one connection.</summary>
    public readonly struct SSL;

    [LibraryImport(Ssl)]
    public static partial SSL_METHOD* TLS_method();

    [LibraryImport(Ssl)]
    public static partial SSL_CTX* SSL_CTX_new(SSL_METHOD* method);

    [LibraryImport(Ssl)]
    public static partial void SSL_CTX_free(SSL_CTX* ctx);

    [LibraryImport(Ssl)]
    public static partial nint SSL_CTX_ctrl(SSL_CTX* ctx, int cmd, nint larg, void* parg);

    [LibraryImport(Ssl)]
    public static partial ulong SSL_CTX_set_options(SSL_CTX* ctx, ulong op);

    [LibraryImport(Ssl)]
    public static partial int SSL_CTX_set_num_tickets(SSL_CTX* ctx, nuint num_tickets);

    [LibraryImport(Ssl)]
    public static partial int SSL_CTX_set_max_early_data(SSL_CTX* ctx, uint max_early_data);

    [LibraryImport(Ssl, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SSL_CTX_use_certificate_chain_file(SSL_CTX* ctx, string file);

    [LibraryImport(Ssl, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SSL_CTX_use_PrivateKey_file(SSL_CTX* ctx, string file, int type);

    [LibraryImport(Ssl)]
    public static partial int SSL_CTX_check_private_key(SSL_CTX* ctx);

    [LibraryImport(Ssl)]
    public static partial void SSL_CTX_set_default_passwd_cb(SSL_CTX* ctx, delegate* unmanaged<byte*, int, int, void*, int> cb);

    [LibraryImport(Ssl, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SSL_CTX_load_verify_file(SSL_CTX* ctx, string CAfile);

    [LibraryImport(Ssl)]
    public static partial int SSL_CTX_set_default_verify_paths(SSL_CTX* ctx);

    [LibraryImport(Ssl)]
    public static partial void SSL_CTX_set_verify(SSL_CTX* ctx, int mode, void* callback);

    [LibraryImport(Ssl)]
    public static partial int SSL_CTX_set_alpn_protos(SSL_CTX* ctx, byte* protos, uint protos_len);

    [LibraryImport(Ssl)]
    public static partial void SSL_CTX_set_alpn_select_cb(
        SSL_CTX* ctx, delegate* unmanaged<SSL*, byte**, byte*, byte*, uint, void*, int> cb, void* arg);

    [LibraryImport(Ssl)]
    public static partial void SSL_CTX_set_client_hello_cb(SSL_CTX* ctx, delegate* unmanaged<SSL*, int*, void*, int> cb, void* arg);

    [LibraryImport(Ssl)]
    public static partial int SSL_client_hello_get0_ext(SSL* s, uint type, byte** @out, nuint* outlen);

    [LibraryImport(Ssl)]
    public static partial SSL* SSL_new(SSL_CTX* ctx);

    [LibraryImport(Ssl)]
    public static partial void SSL_free(SSL* ssl);

    [LibraryImport(Ssl)]
    public static partial void SSL_set_bio(SSL* ssl, BIO* rbio, BIO* wbio);

    [LibraryImport(Ssl)]
    public static partial void SSL_set_accept_state(SSL* ssl);

    [LibraryImport(Ssl)]
    public static partial void SSL_set_connect_state(SSL* ssl);

    [LibraryImport(Ssl)]
    public static partial nint SSL_ctrl(SSL* ssl, int cmd, nint larg, void* parg);

    [LibraryImport(Ssl, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SSL_set1_host(SSL* ssl, string hostname);

    [LibraryImport(Ssl)]
    public static partial X509_VERIFY_PARAM* SSL_get0_param(SSL* ssl);

    [LibraryImport(Ssl)]
    public static partial int SSL_do_handshake(SSL* ssl);

    [LibraryImport(Ssl)]
    public static partial int SSL_read(SSL* ssl, byte* buf, int num);

    [LibraryImport(Ssl)]
    public static partial int SSL_write(SSL* ssl, byte* buf, int num);

    [LibraryImport(Ssl)]
    public static partial int SSL_shutdown(SSL* ssl);

    [LibraryImport(Ssl)]
    public static partial int SSL_get_error(SSL* ssl, int ret);

    [LibraryImport(Ssl)]
    public static partial int SSL_key_update(SSL* ssl, int updatetype);

    [LibraryImport(Ssl)]
    public static partial nint SSL_get_verify_result(SSL* ssl);

    [LibraryImport(Ssl)]
    public static partial X509* SSL_get1_peer_certificate(SSL* ssl);

    [LibraryImport(Ssl)]
    public static partial void SSL_get0_alpn_selected(SSL* ssl, byte** data, uint* len);

    [LibraryImport(Ssl)]
    public static partial void* SSL_get_current_cipher(SSL* ssl);

    [LibraryImport(Ssl)]
    public static partial byte* SSL_CIPHER_get_name(void* cipher);
}
