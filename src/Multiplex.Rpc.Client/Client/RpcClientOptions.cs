using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Multiplex.Rpc.Messages;
using Multiplex.Tls;

namespace Multiplex.Rpc.Client;

/// <summary>A client's credential, its times, its retries and its limits.</summary>
public sealed record RpcClientOptions
{
    /// <summary>The default of every option.</summary>
    public static RpcClientOptions Default { get; } = new();

    /// <summary>The credential of every call. AUTH_NONE.</summary>
    public RpcAuthentication Authentication { get; init; } = RpcAuthentication.None;

    /// <summary>
    /// TLS 1.3 on the connection, RFC 9289, over TCP or a UNIX-domain stream: nothing is called without it. Null: no TLS. The handshake is part of connecting.
    /// </summary>
    public TlsClientOptions? Tls { get; init; }

    /// <summary>
    /// The program and version in the call that asks the server for TLS. Servers of Multiplex and FreeBSD accept any; others accept one that they serve. A client that
    /// was connected by an rpc:// name uses that of the name, unless this is set.
    /// </summary>
    public (uint Program, uint Version) TlsProgram { get; init; }

    /// <summary>How long a call may take in all, repeats included. 25 seconds, as in the stubs of rpcgen(1).</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(25);

    /// <summary>
    /// Over datagrams, and after a reconnect with <see cref="ServerKeepsReplies"/>: how long to wait for a reply before the call is sent again;
    /// doubled each time. 1 second.
    /// </summary>
    public TimeSpan FirstRetry { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest such wait. 30 seconds, as in the C library (RPC_MAX_BACKOFF).</summary>
    public TimeSpan LongestRetry { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Over datagrams: how many calls may be on their way at a time; others wait, so that no burst of replies overruns a socket. 64.</summary>
    public int DatagramWindow { get; init; } = 64;

    /// <summary>
    /// How long a connection may take to be made, over all addresses of the server. At the start the next address is tried beside the one before
    /// after 250 ms (RFC 8305); when a connection is made anew, each address gets an equal share of the time. 10 seconds.
    /// </summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Whether sockets are bound to ports from 512 to 1023, which some servers take as a sign of a privileged client ("secure" of exports(5)). It
    /// needs CAP_NET_BIND_SERVICE: to connect fails with EACCES otherwise. It has no effect over UNIX-domain sockets. False.
    /// </summary>
    public bool BindReservedPort { get; init; }

    /// <summary>
    /// Over TCP: after how much silence the connection is probed, SO_KEEPALIVE of socket(7). A server that answers none of six probes is given up
    /// after twice this time. From 1 second to 9 hours; zero sends no probes. A minute.
    /// </summary>
    /// <remarks>Bytes that are not acknowledged end a connection too, after the longest time-out of its calls, but not before 5 seconds: TCP_USER_TIMEOUT of tcp(7).</remarks>
    public TimeSpan KeepAlive { get; init; } = Sockets.KeepAlive.Usual;

    /// <summary>
    /// After how many calls in a row that were sent and got no reply in time the connection is given up and made anew: a middlebox may have
    /// forgotten it. A call does not count while an earlier one is in flight, which the server may still be running. Calls in flight are
    /// sent again with their xids, or fail, as when a connection breaks. Over datagrams it is a new socket, unless a call is under way that must not
    /// be run twice. Over TCP one call is enough when the kernel has sent bytes again and nothing was acknowledged since. 0: never. 3.
    /// </summary>
    public int ReconnectAfterTimeouts { get; init; } = 3;

    /// <summary>How long the client tries to connect again after a connection broke, with growing pauses, before the calls that wait for it fail. 5 seconds.</summary>
    public TimeSpan ReconnectFor { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How failed calls to idempotent procedures are repeated; null: they are not.</summary>
    public RpcRetryPolicy? Retry { get; init; }

    /// <summary>
    /// Whether the server keeps its replies and recognizes this client on another connection. Then a call that is not idempotent, too, is
    /// sent again when the connection breaks, with the same xid: the server answers it from its reply cache. Servers of Multiplex do, for
    /// clients with AUTH_SYS, by machine name and stamp. Over datagrams every call is sent again anyway. False.
    /// </summary>
    public bool ServerKeepsReplies { get; init; }

    /// <summary>
    /// Whether results with bytes behind them, with padding that is not zero, with strings that are not UTF-8 or with values that an enum lacks fail the call. False:
    /// they are read, as by libtirpc: a server may be newer than the .x file. The server's side is <c>RpcProtocol.Strict</c>.
    /// </summary>
    public bool Strict { get; init; }

    /// <summary>The longest reply in bytes; a longer one closes the connection. A MiB and a little.</summary>
    public int MaxReply { get; init; } = RecordMarking.UsualMaxRecord;

    /// <summary>How many calls may be in flight at a time; one more fails at once. 65,536.</summary>
    public int MaxInFlight { get; init; } = 65_536;

    /// <summary>How many bytes may wait to be sent while the server takes none; one more call fails at once. 64 MiB.</summary>
    public int MaxUnsent { get; init; } = 64 << 20;

    /// <summary>
    /// Whether what follows an await of a call may run at once on the thread that received the reply, the event loop. That saves a switch
    /// of threads for each call; but code that blocks there holds up every client of that loop. False: it runs on the thread pool.
    /// </summary>
    public bool AllowSynchronousContinuations { get; init; }

    /// <summary>The log of connections that are made and lost, and of calls that are made again, are refused, or get no reply in time. By default nothing is written.</summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;

    /// <summary>
    /// How long a thread that blocks for its call spins before it sleeps. It shortens calls to a server that replies sooner than a core
    /// wakes, and takes a core meanwhile; a thread that mostly finds nothing in this time sleeps at once. It has no effect on calls that are awaited. Zero.
    /// </summary>
    public TimeSpan Spin { get; init; }

    /// <summary>The event loop that drives asynchronous calls; null is <see cref="RpcEventLoop.Shared"/>.</summary>
    public RpcEventLoop? EventLoop { get; init; }
}

/// <summary>The options of one call.</summary>
public sealed record RpcCallOptions
{
    /// <summary>How long it may take in all; null is <see cref="RpcClientOptions.Timeout"/>.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>
    /// When it must have ended, such as the deadline of the request that it is made for; the earlier of this and the timeout counts. A call whose
    /// deadline has passed is not sent. Null: the timeout alone counts.
    /// </summary>
    public DateTimeOffset? Deadline { get; init; }

    /// <summary>How it is repeated if its procedure is idempotent; null is <see cref="RpcClientOptions.Retry"/>.</summary>
    public RpcRetryPolicy? Retry { get; init; }

    /// <summary>How long a call that begins now may take: zero or less when its deadline has passed.</summary>
    internal TimeSpan TimeoutFrom(TimeSpan usual)
    {
        TimeSpan timeout = Timeout ?? usual;
        if (Deadline is not { } deadline)
            return timeout;
        TimeSpan left = deadline - DateTimeOffset.UtcNow;
        return timeout == System.Threading.Timeout.InfiniteTimeSpan || left < timeout ? left : timeout;
    }
}

/// <summary>
/// How a call to an idempotent procedure is made again after a failure that may pass: the connection could not be made or has ended
/// (<see cref="RpcConnectionException"/>), or the server answered SYSTEM_ERR. All attempts together take no longer than the call may.
/// </summary>
/// <remarks>
/// Beyond this, and without it, calls in flight are sent again when a connection ends, and datagrams while no reply comes:
/// <see cref="RpcClientOptions.ReconnectFor"/>, <see cref="RpcClientOptions.FirstRetry"/>.
/// </remarks>
public sealed record RpcRetryPolicy
{
    /// <summary>No call is made again: for one call of a client that has a policy.</summary>
    public static RpcRetryPolicy None { get; } = new() { Attempts = 1 };

    /// <summary>How often a call is made at most, the first time included: 1 or more. 3.</summary>
    public int Attempts { get; init; } = 3;

    /// <summary>The longest pause before the second attempt; doubled each time. The pause is random, from half of this. 100 ms.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>The longest pause of all. 5 seconds.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The pause before an attempt, in milliseconds.</summary>
    /// <param name="attempt">Which: 2 is the first that is made again.</param>
    internal long PauseBefore(int attempt)
    {
        double longest = Math.Min(FirstPause.TotalMilliseconds * Math.Pow(2, attempt - 2), LongestPause.TotalMilliseconds);
        return (long)Math.Min(longest * (0.5 + (Random.Shared.NextDouble() / 2)), int.MaxValue);
    }
}
