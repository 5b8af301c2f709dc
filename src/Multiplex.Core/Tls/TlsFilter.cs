using System.Net;
using System.Text;
using static Multiplex.Interop.OpenSsl;

namespace Multiplex.Tls;

/// <summary>How far a TLS connection is.</summary>
internal enum TlsState
{
    /// <summary>The handshake is under way.</summary>
    Handshaking,

    /// <summary>Bytes pass in both directions.</summary>
    Open,

    /// <summary>The peer has said that it sends no more, by close_notify. It may still receive.</summary>
    PeerClosed,

    /// <summary>The two do not agree, or what came was no TLS: see <see cref="TlsFilter.Failure"/>. The last bytes to send are an alert.</summary>
    Failed,
}

/// <summary>
/// TLS between a transport and what reads and writes plaintext, and no I/O: takes received ciphertext and gives plaintext, takes plaintext and gives the
/// ciphertext to send. The handshake, key updates and alerts are in the ciphertext.
/// </summary>
/// <remarks>Not for two threads at the same time. After each call what is to be sent has to be taken: others share the pipe.</remarks>
internal sealed unsafe class TlsFilter
{
    /// <summary>Bytes of the longest record, RFC 8446 section 5.2: what plaintext may come from earlier ciphertext.</summary>
    public const int LongestRecord = 5 + 16384 + 256;

    private const int SealedAtOnce = 16 * 1024;      // a record, so that the pipe's memory stays small
    private const int OwnMemory = 12 * 1024;         // an estimate, without its buffers: bytes of a connection that is open
    private const int MemoryOfPart = LongestRecord;  // of a record that has not come whole

    private readonly TlsContext _context;
    private readonly TlsPipe _pipe;
    private SSL* _connection;

    // Of the record that is being received: bytes of its header, and, as that says, of its rest that are still to come.
    private int _headerBytes;
    private int _restBytes;

    /// <summary>The server's side of a connection, or the client's.</summary>
    /// <param name="context">Which side, and how.</param>
    /// <param name="pipe">The thread's.</param>
    /// <param name="targetHost">Of the client's side: what the server's certificate must be for.</param>
    public TlsFilter(TlsContext context, TlsPipe pipe, string? targetHost = null)
    {
        (_context, _pipe) = (context, pipe);
        _connection = context.NewConnection();
        pipe.Attach(_connection);
        if (context.IsServer)
        {
            SSL_set_accept_state(_connection);
            return;
        }

        SSL_set_connect_state(_connection);
        Expect(targetHost ?? throw new ArgumentNullException(nameof(targetHost)));
    }

    /// <summary>How far it is.</summary>
    public TlsState State { get; private set; }

    /// <summary>What the handshake established of the peer; null before it is done.</summary>
    public TlsPeer? Peer { get; private set; }

    /// <summary>Why it has failed; null unless it has.</summary>
    public string? Failure { get; private set; }

    /// <summary>Whether a part of a record has been received, and the rest is awaited.</summary>
    public bool AwaitsRest => State == TlsState.Open && (_headerBytes | _restBytes) != 0;

    /// <summary>About how many bytes of memory it owns.</summary>
    public long Memory => _connection is null ? 0 : OwnMemory + (State == TlsState.Handshaking || AwaitsRest ? MemoryOfPart : 0);

    /// <summary>Begins the client's side of the handshake: there is something to send.</summary>
    public void Begin() => Handshake();

    /// <summary>Ciphertext has been received: goes on with the handshake, and gives the plaintext.</summary>
    /// <param name="ciphertext">All that has come.</param>
    /// <param name="plaintext">Receives the plaintext: longer than the ciphertext by <see cref="LongestRecord"/>.</param>
    /// <returns>How many bytes of plaintext there are. What came before a failure or the end is among them.</returns>
    public int Open(ReadOnlySpan<byte> ciphertext, Span<byte> plaintext)
    {
        Follow(ciphertext);
        _pipe.Put(ciphertext);
        if (State == TlsState.Handshaking)
            Handshake();
        int count = 0;
        while (State == TlsState.Open && count < plaintext.Length)
        {
            int read;
            fixed (byte* room = plaintext)
            {
                ERR_clear_error();
                read = SSL_read(_connection, room + count, plaintext.Length - count);
            }

            if (read > 0)
                count += read;
            else if (SSL_get_error(_connection, read) is SSL_ERROR_WANT_READ)
                break;
            else
                End(read);
        }

        if (State is TlsState.PeerClosed or TlsState.Failed)
            _pipe.DropReceived();
        return count;
    }

    /// <summary>Takes plaintext to be sent. Once the connection has failed, it is dropped.</summary>
    /// <param name="plaintext">All of it is taken.</param>
    /// <param name="ciphertext">Appended to: what is to be sent.</param>
    public void Seal(ReadOnlySpan<byte> plaintext, OutputBuffer ciphertext)
    {
        while (!plaintext.IsEmpty && State is TlsState.Open or TlsState.PeerClosed)
        {
            int length = Math.Min(plaintext.Length, SealedAtOnce), written;
            fixed (byte* bytes = plaintext)
            {
                ERR_clear_error();
                written = SSL_write(_connection, bytes, length);
            }

            if (written > 0)
                plaintext = plaintext[written..];
            else
                End(written);
            _pipe.Take(ciphertext);
        }

        _pipe.Take(ciphertext);
    }

    /// <summary>Replaces plaintext at the end of a buffer by the ciphertext to send.</summary>
    /// <param name="buffer">The buffer.</param>
    /// <param name="start">Where the plaintext begins.</param>
    public void SealInPlace(OutputBuffer buffer, int start)
    {
        OutputBuffer ciphertext = _pipe.Sealed;
        Seal(buffer.Written[start..], ciphertext);
        buffer.Truncate(start);
        buffer.Write(ciphertext.Written);
        ciphertext.Clear(OutputBuffer.UsuallyKept);
    }

    /// <summary>Says that nothing more is sent, by close_notify.</summary>
    /// <param name="ciphertext">Appended to.</param>
    public void Close(OutputBuffer ciphertext)
    {
        if (_connection is null || State is not (TlsState.Open or TlsState.PeerClosed))
            return;
        ERR_clear_error();
        _ = SSL_shutdown(_connection);
        _pipe.Take(ciphertext);
    }

    /// <summary>Changes the keys of both directions with the next bytes that are sent: RFC 8446 section 4.6.3.</summary>
    public void UpdateKeys() => _ = SSL_key_update(_connection, SSL_KEY_UPDATE_REQUESTED);

    /// <summary>The connection is closed.</summary>
    public void Release()
    {
        if (_connection is null)
            return;
        SSL_free(_connection);
        _connection = null;
    }

    // A name may match one of a certificate's; an IP address is compared with its addresses, and no name is sent for it: RFC 6066 section 3.
    private void Expect(string host)
    {
        if (IPAddress.TryParse(host, out IPAddress? address))
        {
            if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(_connection), address.ToString()) != 1)
                throw new TlsException($"TLS: {host} is no IP address that OpenSSL takes");
            return;
        }

        fixed (byte* name = Encoding.UTF8.GetBytes(host + '\0'))
        {
            if (SSL_ctrl(_connection, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name) != 1 || SSL_set1_host(_connection, host) != 1)
                throw new TlsException($"TLS: {host} is no host name that OpenSSL takes");
        }
    }

    // Where records end. OpenSSL does not report it: SSL_has_pending(3) does not count a header alone.
    private void Follow(ReadOnlySpan<byte> ciphertext)
    {
        const int HeaderLength = 5, LengthOffset = 3;   // RFC 8446 section 5.1
        while (!ciphertext.IsEmpty)
        {
            int count = 1;
            if (_headerBytes == 0 && _restBytes > 0)
                _restBytes -= count = Math.Min(_restBytes, ciphertext.Length);
            else if (_headerBytes++ >= LengthOffset)
                _restBytes = ((_restBytes & byte.MaxValue) << 8) | ciphertext[0];
            _headerBytes %= HeaderLength;
            ciphertext = ciphertext[count..];
        }
    }

    private void Handshake()
    {
        ERR_clear_error();
        int result = SSL_do_handshake(_connection);
        if (result != 1)
        {
            if (SSL_get_error(_connection, result) is not SSL_ERROR_WANT_READ)
                End(result);
            return;
        }

        byte* selected;
        uint length;
        SSL_get0_alpn_selected(_connection, &selected, &length);
        if (!_context.Protocol.SequenceEqual(new ReadOnlySpan<byte>(selected, (int)length)))
        {
            (State, Failure) = (TlsState.Failed, $"the peer does not select the protocol {Encoding.ASCII.GetString(_context.Protocol)}");
            return;
        }

        Peer = DescribePeer();
        State = TlsState.Open;
    }

    private void End(int result)
    {
        if (SSL_get_error(_connection, result) == SSL_ERROR_ZERO_RETURN)
        {
            State = TlsState.PeerClosed;
            return;
        }

        nint verified = SSL_get_verify_result(_connection);
        Failure = verified != X509_V_OK ? $"the peer's certificate is refused: {X509_verify_cert_error_string(verified)}"
            : ERR_reason_error_string(ERR_peek_error()) ?? "the connection failed";
        State = TlsState.Failed;
        ERR_clear_error();
    }

    private TlsPeer DescribePeer()
    {
        string cipher = new((sbyte*)SSL_CIPHER_get_name(SSL_get_current_cipher(_connection)));
        X509* certificate = SSL_get1_peer_certificate(_connection);
        if (certificate is null)
            return new(cipher, default, "");
        try
        {
            byte[] encoded = new byte[i2d_X509(certificate, null)];
            fixed (byte* room = encoded)
            {
                byte* end = room;
                _ = i2d_X509(certificate, &end);
            }

            return new(cipher, encoded, SubjectOf(certificate));
        }
        finally
        {
            X509_free(certificate);
        }
    }

    private static string SubjectOf(X509* certificate)
    {
        BIO* text = BIO_new(BIO_s_mem());
        try
        {
            _ = X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
            byte[] bytes = new byte[(int)BIO_ctrl_pending(text)];
            fixed (byte* room = bytes)
                _ = BIO_read(text, room, bytes.Length);
            return Encoding.UTF8.GetString(bytes);
        }
        finally
        {
            _ = BIO_free(text);
        }
    }
}
