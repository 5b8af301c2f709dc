using System.Runtime.InteropServices;
using System.Text;
using static Multiplex.Interop.OpenSsl;

namespace Multiplex.Tls;

/// <summary>
/// What all TLS connections of one side have in common: certificates, and that it is TLS 1.3 with one application protocol (ALPN, RFC 7301) and
/// without resumption, early data, renegotiation and compression.
/// </summary>
public sealed unsafe class TlsContext : IDisposable
{
    private readonly byte* _protocol;   // as ALPN writes it: behind a byte with its length
    private SSL_CTX* _context;

    private TlsContext(string protocol)
    {
        if (!IsAvailable)
            throw new TlsException("TLS needs OpenSSL 3: libssl.so.3 and libcrypto.so.3 cannot be loaded; install the package libssl3, or openssl-libs");
        ERR_clear_error();
        _protocol = (byte*)NativeMemory.Alloc((nuint)protocol.Length + 1);
        _protocol[0] = (byte)protocol.Length;
        Encoding.ASCII.GetBytes(protocol, ProtocolName);
        _context = SSL_CTX_new(TLS_method());
        if (_context is null)
            throw Failed("OpenSSL gives no context");
        SSL_CTX_ctrl(_context, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_3_VERSION, null);
        SSL_CTX_ctrl(_context, SSL_CTRL_SET_MAX_PROTO_VERSION, TLS1_3_VERSION, null);
        SSL_CTX_set_options(_context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
        _ = SSL_CTX_set_num_tickets(_context, 0);
        _ = SSL_CTX_set_max_early_data(_context, 0);
        SSL_CTX_ctrl(_context, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, null);
        SSL_CTX_ctrl(_context, SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS, null);   // an idle connection has no buffers
        SSL_CTX_set_default_passwd_cb(_context, &HaveNoPassphrase);               // else it asks on the terminal
    }

    /// <summary>Whether it is the server's side.</summary>
    internal bool IsServer { get; private init; }

    /// <summary>The application protocol's name.</summary>
    internal ReadOnlySpan<byte> Protocol => new(_protocol + 1, _protocol[0]);

    private Span<byte> ProtocolName => new(_protocol + 1, _protocol[0]);

    /// <summary>The server's side.</summary>
    /// <param name="options">Its certificate, and what it asks of clients.</param>
    /// <param name="protocol">The application protocol's name, ASCII: a client that does not offer it is refused.</param>
    /// <exception cref="TlsException">OpenSSL is not there, or a file is not what it should be.</exception>
    public static TlsContext ForServer(TlsServerOptions options, string protocol)
    {
        TlsContext context = new(protocol) { IsServer = true };
        try
        {
            context.UseCertificate(options.CertificateFile, options.KeyFile);
            SSL_CTX_set_client_hello_cb(context._context, &RequireProtocols, null);
            SSL_CTX_set_alpn_select_cb(context._context, &SelectProtocol, context._protocol);
            if (options.ClientCaFile is not { } authorities)
                return context;
            context.Trust(authorities);
            SSL_CTX_set_verify(context._context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, null);
            return context;
        }
        catch
        {
            context.Dispose();
            throw;
        }
    }

    /// <summary>The client's side.</summary>
    /// <param name="options">Which servers it trusts, and its certificate.</param>
    /// <param name="protocol">The application protocol's name, ASCII: a server that does not select it is refused.</param>
    /// <exception cref="TlsException">OpenSSL is not there, or a file is not what it should be.</exception>
    public static TlsContext ForClient(TlsClientOptions options, string protocol)
    {
        TlsContext context = new(protocol);
        try
        {
            if ((options.CertificateFile is null) != (options.KeyFile is null))
                throw new TlsException("TLS: a client's certificate and its key go together: one of the two files is missing");
            if (options is { CertificateFile: { } certificate, KeyFile: { } key })
                context.UseCertificate(certificate, key);
            if (options.CaFile is { } authorities)
                context.Trust(authorities);
            else if (SSL_CTX_set_default_verify_paths(context._context) != 1)
                throw Failed("TLS: the system's certificates of authorities cannot be used");
            SSL_CTX_set_verify(context._context, SSL_VERIFY_PEER, null);
            _ = SSL_CTX_set_alpn_protos(context._context, context._protocol, (uint)context._protocol[0] + 1);
            return context;
        }
        catch
        {
            context.Dispose();
            throw;
        }
    }

    /// <summary>Gives it back.</summary>
    ~TlsContext() => Free();

    /// <summary>Gives it back. Connections that have it keep it until they end.</summary>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    /// <summary>A connection's own part.</summary>
    internal SSL* NewConnection()
    {
        ObjectDisposedException.ThrowIf(_context is null, this);
        SSL* connection = SSL_new(_context);
        return connection is not null ? connection : throw TlsException.OutOfMemory;
    }

    private void Free()
    {
        if (_context is null)
            return;
        SSL_CTX_free(_context);
        _context = null;
        NativeMemory.Free(_protocol);
    }

    private void UseCertificate(string certificate, string key)
    {
        if (SSL_CTX_use_certificate_chain_file(_context, certificate) != 1)
            throw Failed($"TLS: {certificate} is no certificate in PEM");
        if (SSL_CTX_use_PrivateKey_file(_context, key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(_context) != 1)
            throw Failed($"TLS: {key} is not the private key of {certificate} in PEM, without a passphrase");
    }

    private void Trust(string authorities)
    {
        if (SSL_CTX_load_verify_file(_context, authorities) != 1)
            throw Failed($"TLS: {authorities} has no certificates of authorities in PEM");
    }

    private static TlsException Failed(string what)
    {
        TlsException failure = new($"{what}: {ERR_reason_error_string(ERR_peek_error()) ?? "OpenSSL does not say why"}");
        ERR_clear_error();
        return failure;
    }

    [UnmanagedCallersOnly]
    private static int HaveNoPassphrase(byte* buffer, int size, int isWriting, void* argument) => 0;

    // RFC 9289 section 5: a client that offers no application protocol is refused. For one that offers others, see SelectProtocol.
    [UnmanagedCallersOnly]
    private static int RequireProtocols(SSL* connection, int* alert, void* argument)
    {
        byte* offered;
        nuint length;
        if (SSL_client_hello_get0_ext(connection, TLSEXT_TYPE_application_layer_protocol_negotiation, &offered, &length) == 1)
            return SSL_CLIENT_HELLO_SUCCESS;
        *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
        return SSL_CLIENT_HELLO_ERROR;
    }

    [UnmanagedCallersOnly]
    private static int SelectProtocol(SSL* connection, byte** selected, byte* selectedLength, byte* offered, uint offeredLength, void* argument)
    {
        byte* wanted = (byte*)argument;
        ReadOnlySpan<byte> name = new(wanted + 1, wanted[0]);
        for (uint at = 0; at < offeredLength; at += 1u + offered[at])
        {
            if (offered[at] + at >= offeredLength || !name.SequenceEqual(new ReadOnlySpan<byte>(offered + at + 1, offered[at])))
                continue;
            *selected = offered + at + 1;
            *selectedLength = offered[at];
            return SSL_TLSEXT_ERR_OK;
        }

        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
}
