using System.Diagnostics;
using Multiplex.Interop;
using Multiplex.Rpc.Binding;
using Multiplex.Rpc.Client.Calls;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Observing;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;
using Multiplex.Tls;

namespace Multiplex.Rpc.Client;

/// <summary>
/// The client's side of ONC RPC: marshals the arguments, sends, waits, unmarshals the results. To its caller it is a
/// function call that may fail. Many calls may be in flight at a time, of one thread or of several; the xid says which reply is
/// that of which call, in whatever order they come.
/// </summary>
/// <remarks>
/// A stream or seqpacket connection that breaks is made anew. Calls that may be repeated (see <see cref="RpcProcedure.IsIdempotent"/> and
/// <see cref="RpcClientOptions.ServerKeepsReplies"/>) are sent again on it with the xids that they had; others that had been sent fail. Over
/// datagrams every call is sent again, with its xid, until a reply comes or the time is up.
/// </remarks>
/// <example>
/// <code>
/// await using RpcClient client = await RpcClient.ConnectAsync("tcp://127.0.0.1:4000", new() { Timeout = TimeSpan.FromSeconds(5) });
/// IGreeter greeter = client.Create&lt;IGreeter&gt;();
/// Console.WriteLine(await greeter.GreetAsync("world"));
/// </code>
/// </example>
public sealed class RpcClient : IDisposable, IAsyncDisposable
{
    [ThreadStatic]
    private static OutputBuffer? t_posted;

    private readonly RpcClientOptions _options;
    private readonly RpcAuthentication _authentication;
    private readonly ClientConnection _connection;

    /// <summary>Connects to a server. Blocks until that is done.</summary>
    /// <param name="server">Where it is: an endpoint of any kind. Its name is looked up here, and never again.</param>
    /// <param name="options">Null is <see cref="RpcClientOptions.Default"/>.</param>
    /// <exception cref="SyscallException">Such as ECONNREFUSED: no server listens there.</exception>
    /// <exception cref="IOException">The host is not known.</exception>
    /// <exception cref="RpcTlsException">One of the two sides refuses TLS: <see cref="RpcClientOptions.Tls"/>.</exception>
    public RpcClient(Endpoint server, RpcClientOptions? options = null)
        : this(server, AddressLookup.Find(server, passive: false), options)
    {
    }

    internal RpcClient(Endpoint server, IReadOnlyList<byte[]> addresses, RpcClientOptions? options)
        : this(server, addresses, options ?? RpcClientOptions.Default, ClientTls.For(server, options), socket: null, program: null)
    {
    }

    // Blocks: to connect where there is no socket yet, and for the handshake of TLS.
    private RpcClient(
        Endpoint server, IReadOnlyList<byte[]> addresses, RpcClientOptions options, ClientTls? tls, (int Descriptor, int Address)? socket, RemoteProgram? program)
    {
        _options = options;
        _authentication = _options.Authentication.ForOneClient();
        _connection = new(server, addresses, _options, socket ?? Connecting.Block(server, addresses, options), tls, program);
    }

    /// <summary>Connects to a server. No thread is blocked, but for the lookup of a host's name: <see cref="AddressLookup.FindAsync"/>.</summary>
    /// <param name="server">Where it is: an endpoint of any kind. Its name is looked up here, and never again.</param>
    /// <param name="options">Null is <see cref="RpcClientOptions.Default"/>.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="SyscallException">Such as ECONNREFUSED: no server listens there.</exception>
    /// <exception cref="IOException">The host is not known.</exception>
    /// <exception cref="RpcTlsException">One of the two sides refuses TLS: <see cref="RpcClientOptions.Tls"/>.</exception>
    /// <exception cref="OperationCanceledException">The attempt was cancelled.</exception>
    public static Task<RpcClient> ConnectAsync(Endpoint server, RpcClientOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= RpcClientOptions.Default;
        return Connect(server, program: null, options, options.ConnectTimeout, cancellationToken);
    }

    /// <summary>Connects to a server. <see cref="RpcClientOptions.ConnectTimeout"/> bounds the question to the name service and the connection together.</summary>
    /// <param name="server">
    /// Where it is: an endpoint, <see cref="Endpoint.Forms"/>; or a program, <see cref="RemoteProgram.Form"/>, which the name service of its host
    /// finds: now, and again whenever no connection to the server can be made, as when it has come back on another port.
    /// </param>
    /// <param name="options">Null is <see cref="RpcClientOptions.Default"/>.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="FormatException">The text is neither; the message says what would be right.</exception>
    /// <exception cref="SyscallException">Such as ECONNREFUSED: no server listens there.</exception>
    /// <exception cref="IOException">The host is not known, or its name service does not know the program.</exception>
    /// <exception cref="OperationCanceledException">The attempt was cancelled.</exception>
    public static async Task<RpcClient> ConnectAsync(string server, RpcClientOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (!RemoteProgram.IsMeantBy(server))
            return await ConnectAsync(Endpoint.Parse(server), options, cancellationToken).ConfigureAwait(false);
        options ??= RpcClientOptions.Default;
        RemoteProgram program = RemoteProgram.Parse(server);
        Stopwatch elapsed = Stopwatch.StartNew();
        (Endpoint found, uint version) = await program.LocateAsync(timeout: options.ConnectTimeout, cancellationToken: cancellationToken).ConfigureAwait(false);
        options = ForProgram(options, program, version);
        TimeSpan left = options.ConnectTimeout - elapsed.Elapsed;
        return await Connect(found, program, options, left > TimeSpan.Zero ? left : TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A client that has no connection yet: its first call makes one, as after a connection broke. It waits for <see cref="RpcClientOptions.ReconnectFor"/>.</summary>
    /// <param name="server">Where it is: an endpoint of any kind. Its name is looked up here, and never again.</param>
    /// <param name="options">Null is <see cref="RpcClientOptions.Default"/>.</param>
    /// <exception cref="IOException">The host is not known.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><see cref="RpcClientOptions.KeepAlive"/> is out of its range.</exception>
    public static RpcClient ConnectLater(Endpoint server, RpcClientOptions? options = null) => ConnectLater(server, program: null, options ?? RpcClientOptions.Default);

    /// <summary>As <see cref="ConnectLater(Endpoint, RpcClientOptions?)"/>, of a program too.</summary>
    /// <param name="server">As of <see cref="ConnectAsync(string, RpcClientOptions?, CancellationToken)"/>. The name service is asked here; this blocks until it has answered.</param>
    /// <param name="options">Null is <see cref="RpcClientOptions.Default"/>.</param>
    /// <exception cref="FormatException">The text is neither; the message says what would be right.</exception>
    /// <exception cref="IOException">The host is not known, or its name service does not know the program.</exception>
    public static RpcClient ConnectLater(string server, RpcClientOptions? options = null)
    {
        options ??= RpcClientOptions.Default;
        if (!RemoteProgram.IsMeantBy(server))
            return ConnectLater(Endpoint.Parse(server), options);
        RemoteProgram program = RemoteProgram.Parse(server);
        (Endpoint found, uint version) = program.Locate(timeout: options.ConnectTimeout);
        return ConnectLater(found, program, ForProgram(options, program, version));
    }

    private static RpcClient ConnectLater(Endpoint server, RemoteProgram? program, RpcClientOptions options)
    {
        if (!KeepAlive.IsInRange(options.KeepAlive))
            throw new ArgumentOutOfRangeException(nameof(options), options.KeepAlive, "KeepAlive is from 1 second to 9 hours, or zero");
        return new(server, AddressLookup.Find(server, passive: false), options, ClientTls.For(server, options), (ClientConnection.NoSocket, 0), program);
    }

    /// <summary>Where the server is; of a program, as the name service has said last.</summary>
    public Endpoint Server => _connection.Server;

    /// <summary>The address that is in use of those that the server's name has, or had last.</summary>
    internal Endpoint Address => _connection.Address;

    /// <summary>What the client has counted so far.</summary>
    public RpcClientCounters Counters => _connection.Counters;

    /// <summary>Whether there is a connection, as far as the client knows; the next call makes one otherwise.</summary>
    public bool IsConnected => _connection.IsConnected;

    /// <summary>What the TLS handshake established of the server, such as its certificate; null without TLS, or while there is no connection.</summary>
    public TlsPeer? Tls => _connection.Tls;

    /// <summary>The stub of a contract, which calls the program's procedures by this client.</summary>
    /// <typeparam name="T">The contract: an interface with <see cref="RpcProgramAttribute"/>, or one that was generated from a .x file.</typeparam>
    /// <returns>A new stub; it needs no disposal.</returns>
    /// <exception cref="InvalidOperationException">The type is no contract.</exception>
    public T Create<T>()
        where T : class => RpcContracts.Find<T>()(this);

    /// <summary>Calls a procedure and waits for its results. Blocks the calling thread.</summary>
    /// <param name="procedure">The procedure.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="marshal">Writes them.</param>
    /// <param name="unmarshal">Reads the results.</param>
    /// <param name="options">The options of this call alone; null: those of the client.</param>
    /// <exception cref="RpcRefusedException">The server has not carried out the call; the exception says why.</exception>
    /// <exception cref="RpcTimeoutException">No reply came in time.</exception>
    /// <exception cref="RpcConnectionException">The connection broke, or over datagrams: no server is there.</exception>
    /// <exception cref="RpcBadReplyException">The reply cannot be decoded.</exception>
    public T Call<TArguments, T>(
        RpcProcedure procedure, TArguments arguments, XdrMarshal<TArguments> marshal, XdrUnmarshal<T> unmarshal, RpcCallOptions? options = null)
        where TArguments : allows ref struct =>
        Send(procedure, arguments, marshal, unmarshal, options, blocks: true).Task.GetAwaiter().GetResult();

    /// <summary>Calls a procedure that has no results, and waits until it is done. Blocks the calling thread.</summary>
    /// <inheritdoc cref="Call{TArguments, T}"/>
    public void Call<TArguments>(RpcProcedure procedure, TArguments arguments, XdrMarshal<TArguments> marshal, RpcCallOptions? options = null)
        where TArguments : allows ref struct =>
        Send(procedure, arguments, marshal, ReadNothing, options, blocks: true).Task.GetAwaiter().GetResult();

    /// <summary>
    /// Calls a procedure. The arguments are marshalled before this returns. It never blocks, but for the moment that send(2) takes, and
    /// no thread of the pool waits for the reply.
    /// </summary>
    /// <param name="procedure">The procedure.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="marshal">Writes them.</param>
    /// <param name="unmarshal">Reads the results, on the thread that receives them: it should be short, and not block.</param>
    /// <param name="options">The options of this call alone; null: those of the client.</param>
    /// <param name="cancellation">Gives the call up; whether the server runs it is not known then.</param>
    /// <returns>The results, to be awaited once; awaiting throws what <see cref="Call{TArguments, T}"/> throws.</returns>
    public ValueTask<T> CallAsync<TArguments, T>(
        RpcProcedure procedure,
        TArguments arguments,
        XdrMarshal<TArguments> marshal,
        XdrUnmarshal<T> unmarshal,
        RpcCallOptions? options = null,
        CancellationToken cancellation = default)
        where TArguments : allows ref struct
    {
        if (cancellation.IsCancellationRequested)
            return ValueTask.FromCanceled<T>(cancellation);
        if (IsTooLate(options))
            return ValueTask.FromException<T>(TooLate(procedure));
        return Begin(procedure, arguments, marshal, unmarshal, options, cancellation).Task;
    }

    /// <summary>Calls a procedure that has no results.</summary>
    /// <returns>Its end, to be awaited once; awaiting throws what <see cref="Call{TArguments}"/> throws.</returns>
    /// <inheritdoc cref="CallAsync{TArguments, T}"/>
    public ValueTask CallAsync<TArguments>(
        RpcProcedure procedure,
        TArguments arguments,
        XdrMarshal<TArguments> marshal,
        RpcCallOptions? options = null,
        CancellationToken cancellation = default)
        where TArguments : allows ref struct
    {
        if (cancellation.IsCancellationRequested)
            return ValueTask.FromCanceled(cancellation);
        if (IsTooLate(options))
            return ValueTask.FromException(TooLate(procedure));
        return Begin(procedure, arguments, marshal, ReadNothing, options, cancellation).End;
    }

    /// <summary>
    /// Sends a call at once and waits for nothing: whether it arrives and how it ends is not reported, and it is not repeated.
    /// </summary>
    /// <exception cref="RpcException">Too much waits to be sent.</exception>
    public void OneWay<TArguments>(RpcProcedure procedure, TArguments arguments, XdrMarshal<TArguments> marshal)
        where TArguments : allows ref struct => Post(procedure, arguments, marshal, flush: true);

    /// <summary>
    /// As <see cref="OneWay"/>, but kept until <see cref="Flush"/>, the next other call, or 64 KiB of such calls: RFC 5531 section 7.4.1, batching.
    /// What is kept when a connection breaks is lost with it.
    /// </summary>
    /// <exception cref="RpcException">Too much waits to be sent.</exception>
    public void Batch<TArguments>(RpcProcedure procedure, TArguments arguments, XdrMarshal<TArguments> marshal)
        where TArguments : allows ref struct => Post(procedure, arguments, marshal, flush: false);

    /// <summary>Sends what was batched.</summary>
    public void Flush() => _connection.FlushBatched();

    /// <summary>Closes the connection. Calls in flight fail with <see cref="ObjectDisposedException"/>. If there are some, or calls were given up, a TCP connection is reset, so that the server cancels them.</summary>
    public void Dispose() => _connection.Dispose();

    /// <inheritdoc cref="Dispose"/>
    /// <returns>A task that ends once the socket is closed.</returns>
    public ValueTask DisposeAsync()
    {
        _connection.Dispose();
        return new(_connection.Closed);
    }

    private static async Task<RpcClient> Connect(Endpoint server, RemoteProgram? program, RpcClientOptions options, TimeSpan timeout, CancellationToken cancellation)
    {
        IReadOnlyList<byte[]> addresses = await AddressLookup.FindAsync(server, cancellation).ConfigureAwait(false);
        ClientTls? tls = ClientTls.For(server, options);
        (int, int) socket = await Connecting.Await(server, addresses, options, timeout, cancellation).ConfigureAwait(false);
        return tls is null
            ? new(server, addresses, options, tls, socket, program)
            : await Task.Run(() => new RpcClient(server, addresses, options, tls, socket, program), CancellationToken.None).ConfigureAwait(false);
    }

    // The server's certificate is for the name that the user wrote, not for the address that the name service gave.
    private static RpcClientOptions ForProgram(RpcClientOptions options, RemoteProgram program, uint version) => options.Tls is not { } tls ? options : options with
    {
        Tls = tls with { TargetHost = tls.TargetHost ?? program.Host },
        TlsProgram = options.TlsProgram == default ? (program.Program, version) : options.TlsProgram,
    };

    private static bool ReadNothing(ref XdrReader reader) => true;

    private PendingCall<T> Begin<TArguments, T>(
        RpcProcedure procedure,
        TArguments arguments,
        XdrMarshal<TArguments> marshal,
        XdrUnmarshal<T> unmarshal,
        RpcCallOptions? options,
        CancellationToken cancellation)
        where TArguments : allows ref struct
    {
        PendingCall<T> call = Send(procedure, arguments, marshal, unmarshal, options, blocks: false);
        if (cancellation.CanBeCanceled)
            call.CancelWith(cancellation);
        return call;
    }

    private PendingCall<T> Send<TArguments, T>(
        RpcProcedure procedure,
        TArguments arguments,
        XdrMarshal<TArguments> marshal,
        XdrUnmarshal<T> unmarshal,
        RpcCallOptions? options,
        bool blocks)
        where TArguments : allows ref struct
    {
        if (blocks && IsTooLate(options))
            throw TooLate(procedure);
        PendingCall<T> call = PendingCall<T>.Rent(_connection, unmarshal, _options.AllowSynchronousContinuations, _options.Strict);
        try
        {
            Write(call.Message, procedure, arguments, marshal);
            call.Procedure = procedure;
            call.Observed = ClientTelemetry.Begin(Server, procedure);
            call.Retry = procedure.IsIdempotent ? options?.Retry ?? _options.Retry : null;
            TimeSpan timeout = options?.TimeoutFrom(_options.Timeout) ?? _options.Timeout;
            if (blocks)
                _connection.Run(call, timeout);
            else
                _connection.Start(call, timeout);
            return call;
        }
        catch (Exception e)
        {
            _connection.TryWithdraw(call);
            call.Observed?.End(call.Xid, e);
            call.Release();
            throw;
        }
    }

    private static bool IsTooLate(RpcCallOptions? options) => options?.Deadline is { } deadline && deadline <= DateTimeOffset.UtcNow;

    private RpcException TooLate(RpcProcedure procedure) =>
        new RpcTimeoutException("the call was not sent, as its deadline has passed") { WasSent = false }.Of(Server, procedure, xid: 0);

    private void Post<TArguments>(RpcProcedure procedure, TArguments arguments, XdrMarshal<TArguments> marshal, bool flush)
        where TArguments : allows ref struct
    {
        OutputBuffer message = t_posted ??= new();
        message.Clear(keep: 64 * 1024);
        ClientTelemetry? observed = ClientTelemetry.Begin(Server, procedure);
        try
        {
            Write(message, procedure, arguments, marshal);
            uint xid = _connection.Post(message, flush);
            observed?.Posted(xid);
        }
        catch (Exception e)
        {
            observed?.End(xid: 0, e);
            throw;
        }
    }

    private void Write<TArguments>(OutputBuffer message, RpcProcedure procedure, TArguments arguments, XdrMarshal<TArguments> marshal)
        where TArguments : allows ref struct
    {
        int start = RecordMarking.Begin(message);
        marshal(CallWriter.Head(message, xid: 0, procedure, _authentication), arguments);
        RecordMarking.End(message, start);
    }
}

/// <summary>What a client has counted so far.</summary>
public record struct RpcClientCounters
{
    /// <summary>Calls that were begun, sent or not.</summary>
    public long Calls { get; internal set; }

    /// <summary>Calls that were sent again over datagrams because no reply had come.</summary>
    public long Retransmissions { get; internal set; }

    /// <summary>Connections that broke with calls in flight that are sent again on a new one.</summary>
    public long Reconnects { get; internal set; }

    /// <summary>Connections, or sockets for datagrams, that were given up since calls in a row got no reply: <see cref="RpcClientOptions.ReconnectAfterTimeouts"/>.</summary>
    public long ConnectionsGivenUp { get; internal set; }

    /// <summary>Calls that were made again after a failure: <see cref="RpcRetryPolicy"/>.</summary>
    public long Retries { get; internal set; }

    /// <summary>Calls that came from the server. The client serves no programs, and answers PROG_UNAVAIL.</summary>
    public long CallsRefused { get; internal set; }

    /// <summary>Messages that answer no call in flight: late, repeated, to a call that was given up or posted, or nonsense.</summary>
    public long UnmatchedReplies { get; internal set; }
}
