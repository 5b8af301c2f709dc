using System.Buffers.Binary;
using Multiplex.Interop;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;
using Multiplex.Tls;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Client;

/// <summary>
/// TLS on a client's connection, RFC 9289: asks the server for it by a call, shakes hands, and then stands between the socket and the records. Nothing
/// here waits.
/// </summary>
/// <remarks>One thread may send while another receives; OpenSSL takes one at a time.</remarks>
internal sealed class ClientTls : IDisposable
{
    private const int SealedAtOnce = 64 * 1024;   // bytes of records, before they are sent
    private const int LongestReply = 1024;        // to the call that asks for TLS

    private readonly Lock _lock = new();
    private readonly TlsContext _context;
    private readonly TlsPipe _pipe;
    private readonly OutputBuffer _toSend = new();
    private readonly byte[] _reply = new byte[LongestReply];
    private readonly Endpoint _server;
    private readonly string _host;
    private readonly (uint Program, uint Version) _program;
    private TlsFilter? _filter;   // null while the server is being asked
    private uint _xid;
    private int _sent;            // of what is to be sent
    private int _replyLength;     // bytes of the reply that have come

    /// <summary>Makes the client's side.</summary>
    /// <param name="server">The server.</param>
    /// <param name="options">How.</param>
    /// <param name="program">The program that the server is asked as.</param>
    /// <exception cref="TlsException">OpenSSL is not there, or a file is not what it should be.</exception>
    /// <exception cref="ArgumentException">There can be no TLS with this endpoint, or its certificate has nothing to be compared with.</exception>
    private ClientTls(Endpoint server, TlsClientOptions options, (uint Program, uint Version) program)
    {
        if (!server.Kind.IsStream())
            throw new ArgumentException($"{server} keeps the boundaries of messages, and TLS is for streams: tcp: or unix:", nameof(server));
        _host = options.TargetHost ?? server.Host;
        if (_host.Length == 0)
            throw new ArgumentException($"{server} has no host that the server's certificate could be for: say which by TargetHost", nameof(options));
        (_server, _program, _pipe) = (server, program, new());
        _context = TlsContext.ForClient(options, RpcTls.Protocol);
    }

    private ClientTls(ClientTls other) => (_server, _host, _program, _context, _pipe) = (other._server, other._host, other._program, other._context, other._pipe);

    /// <summary>What these options say: null for no TLS.</summary>
    /// <exception cref="TlsException">OpenSSL is not there, or a file is not what it should be.</exception>
    /// <exception cref="ArgumentException">There can be no TLS with this endpoint, or its certificate has nothing to be compared with.</exception>
    public static ClientTls? For(Endpoint server, RpcClientOptions? options) =>
        options is { Tls: { } tls } ? new(server, tls, options.TlsProgram) : null;

    /// <summary>Why there is no TLS, if it is for another reason than a connection that has ended; null otherwise.</summary>
    public RpcTlsException? Failure { get; private set; }

    /// <summary>What the handshake established of the server.</summary>
    public TlsPeer? Peer => _filter?.Peer;

    /// <summary>Whether the kernel has not taken all that is to be sent.</summary>
    public bool HasUnsent => _sent < _toSend.Length;

    /// <summary>Whether more has been received than was given.</summary>
    public bool MayHaveMore { get; private set; }

    /// <summary>What to wait for while TLS begins.</summary>
    public Interest Wants => HasUnsent ? Interest.Readable | Interest.Writable : Interest.Readable;

    /// <summary>
    /// TLS for another connection to the same server that the same thread drives: it has the certificates of this one, which is to be disposed of last, in
    /// its place.
    /// </summary>
    public ClientTls Another() => new(this);

    /// <summary>There is a new connection: the server is to be asked.</summary>
    public void Begin()
    {
        Release();
        _xid = (uint)Random.Shared.Next();
        RpcTls.WriteProbe(_toSend, _xid, _program.Program, _program.Version);
    }

    /// <summary>Goes on as far as the socket lets it.</summary>
    /// <returns>EINPROGRESS while TLS is not there; an errno when the connection has ended; EPROTO when there is a <see cref="Failure"/>.</returns>
    public SyscallResult Proceed(int socket)
    {
        lock (_lock)
        {
            while (true)
            {
                SyscallResult result = Flush(socket);
                if (!result.IsError && _filter?.State == TlsState.Open)
                    return result;
                if (!result.IsError)
                    result = _filter is null ? ReceiveReply(socket) : ReceiveHandshake(socket, _filter);
                if (result.IsError)
                    return result.Is(EAGAIN) ? SyscallResult.Failed(EINPROGRESS) : result;
            }
        }
    }

    /// <summary>Seals some of these records, and sends what is sealed.</summary>
    /// <returns>How many of their bytes are done with, or the errno.</returns>
    public SyscallResult Send(int socket, ReadOnlySpan<byte> records)
    {
        lock (_lock)
        {
            SyscallResult result = Flush(socket);
            if (result.IsError || records.IsEmpty)
                return result;
            int length = Math.Min(records.Length, SealedAtOnce);
            _filter!.Seal(records[..length], _toSend);
            result = Flush(socket);
            return result.IsError && !result.Is(EAGAIN) ? result : SyscallResult.Of(length);
        }
    }

    /// <summary>Receives plaintext.</summary>
    /// <returns>How many bytes; 0 when the server has ended the connection; EAGAIN when nothing is there; EPROTO when there is a <see cref="Failure"/>.</returns>
    public SyscallResult Receive(int socket, Span<byte> plaintext)
    {
        lock (_lock)
        {
            TlsFilter filter = _filter!;
            int count = MayHaveMore ? filter.Open([], plaintext) : 0;
            while (count == 0 && filter.State == TlsState.Open)
            {
                SyscallResult result = recv(socket, _pipe.ReceiveBuffer, MSG_DONTWAIT);
                if (result.IsError || result.Value == 0)
                {
                    MayHaveMore = false;
                    return result;
                }

                count = filter.Open(_pipe.ReceiveBuffer.AsSpan(0, (int)result.Value), plaintext);
                filter.Seal([], _toSend);
            }

            MayHaveMore = count == plaintext.Length;
            if (count == 0 && filter.State == TlsState.Failed)
                return Fail(filter.Failure!);
            return SyscallResult.Of(count);
        }
    }

    /// <summary>The socket is about to be closed: says so to the server, if the kernel takes it.</summary>
    public void Close(int socket)
    {
        lock (_lock)
        {
            if (_filter is not null && !HasUnsent)
            {
                _filter.Close(_toSend);
                Flush(socket);
            }

            Release();
        }
    }

    /// <summary>Gives the certificates back.</summary>
    public void Dispose() => _context.Dispose();

    private void Release()
    {
        _filter?.Release();
        _filter = null;
        _toSend.Clear(OutputBuffer.UsuallyKept);
        _sent = _replyLength = 0;
        MayHaveMore = false;
        Failure = null;
    }

    private SyscallResult Flush(int socket)
    {
        while (HasUnsent)
        {
            SyscallResult result = send(socket, _toSend.Written[_sent..], MSG_NOSIGNAL | MSG_DONTWAIT);
            if (result.IsError)
                return result;
            _sent += (int)result.Value;
        }

        _toSend.Clear(OutputBuffer.UsuallyKept);
        _sent = 0;
        return default;
    }

    // No byte more than the reply: what is behind it is TLS.
    private SyscallResult ReceiveReply(int socket)
    {
        int length = _replyLength < RecordMarking.HeaderLength ? RecordMarking.HeaderLength : RecordMarking.LengthOf(_reply);
        if (length is < RecordMarking.HeaderLength or > LongestReply || length == _replyLength)
            return Fail("the server has none: what it answers is no reply");
        SyscallResult result = recv(socket, _reply.AsSpan(_replyLength, length - _replyLength), MSG_DONTWAIT);
        if (result.IsError)
            return result;
        if (result.Value == 0)
            return SyscallResult.Failed(ECONNRESET);
        _replyLength += (int)result.Value;
        if (_replyLength < length || length == RecordMarking.HeaderLength)
            return default;
        if (!RpcTls.IsGranted(_reply.AsSpan(0, length)) || BinaryPrimitives.ReadUInt32BigEndian(_reply.AsSpan(RecordMarking.HeaderLength)) != _xid)
            return Fail($"the server has none: {WhyNot(_reply.AsSpan(RecordMarking.HeaderLength, length - RecordMarking.HeaderLength))}");
        _filter = new(_context, _pipe, _host);
        _filter.Begin();
        _filter.Seal([], _toSend);
        return default;
    }

    private static string WhyNot(ReadOnlySpan<byte> reply)
    {
        XdrReader reader = new(reply);
        return !ReplyHeader.TryRead(ref reader, out ReplyHeader header) ? "what it answers is no reply"
            : header.Failure?.Message ?? "it answers the call that asks for it like any other";
    }

    private SyscallResult ReceiveHandshake(int socket, TlsFilter filter)
    {
        SyscallResult result = recv(socket, _pipe.ReceiveBuffer, MSG_DONTWAIT);
        if (result.IsError)
            return result;
        if (result.Value == 0)
            return SyscallResult.Failed(ECONNRESET);
        int count = filter.Open(_pipe.ReceiveBuffer.AsSpan(0, (int)result.Value), _reply);
        filter.Seal([], _toSend);
        if (filter.State is TlsState.Handshaking || (filter.State == TlsState.Open && count == 0))
            return default;
        Flush(socket);   // an alert, if the kernel takes it
        return Fail(filter.Failure ?? "the server sends replies before it is called");
    }

    private SyscallResult Fail(string why)
    {
        Failure = new($"TLS with {_server}: {why}");
        return SyscallResult.Failed(EPROTO);
    }
}
