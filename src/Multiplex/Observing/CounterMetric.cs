namespace Multiplex.Observing;

/// <summary>What a counter is called where metrics are collected: its name and help in the text format of Prometheus.</summary>
/// <param name="Name">
/// The name behind <see cref="Prefix"/>, with its unit. One that ends in <c>_total</c> only grows; any other is a gauge.
/// </param>
/// <param name="Help">One sentence on what is counted.</param>
/// <param name="Reason">Tells counters apart that are one metric: the label <c>reason</c>; null for none.</param>
public sealed record CounterMetric(string Name, string Help, string? Reason = null)
{
    /// <summary>What all names begin with: the meter of <c>Multiplex.Rpc</c> has the same names, written with dots.</summary>
    public const string Prefix = "multiplex_server_";

    private const string AbortedHelp = "Connections that the server or an error ended before the client did, by reason.";

    /// <summary>
    /// What happened so many times that the operator should know, behind a number, where the counter is that of a limit; null where it is not.
    /// </summary>
    public string? Limit { get; init; }

    /// <summary>Whether it only grows.</summary>
    public bool IsTotal => Name.EndsWith("_total", StringComparison.Ordinal);

    /// <summary>Of the counters that every server has; null of <see cref="Counter.Stopping"/>, which counts nothing.</summary>
    internal static CounterMetric? Of(Counter counter) => counter switch
    {
        Counter.Accepted => new("connections_accepted_total", "Connections accepted."),
        Counter.Closed => new("connections_closed_total", "Connections that have ended, whichever side ended them."),
        Counter.Refused => new("connections_refused_total", "Connections accepted and closed at once: too many were open, or no descriptor was left.") { Limit = "connections refused: too many were open, or no descriptor was left" },
        Counter.Datagrams => new("datagrams_received_total", "Datagrams received."),
        Counter.RepliesDropped => new("datagram_replies_dropped_total", "Replies to datagrams that could not be sent."),
        Counter.ProtocolErrors => new("protocol_errors_total", "Connections closed, or datagrams dropped, because the bytes were no request."),
        Counter.TlsConnections => new("tls_connections_total", "Connections whose TLS handshake is done."),
        Counter.TlsFailures => new("tls_failures_total", "Connections closed because the two sides did not agree on TLS, or because what came was no TLS.") { Limit = "connections closed because the two sides did not agree on TLS, or a certificate was refused" },
        Counter.IdleTimeouts => new("connections_aborted_total", AbortedHelp, "idle_timeout"),
        Counter.RequestTimeouts => new("connections_aborted_total", AbortedHelp, "request_timeout") { Limit = "connections closed because a request took too long to arrive" },
        Counter.Broken => new("connections_aborted_total", AbortedHelp, "error"),
        Counter.MemoryClosed => new("connections_aborted_total", AbortedHelp, "memory_limit") { Limit = "connections closed because all together owned too much memory" },
        Counter.CutOff => new("connections_aborted_total", AbortedHelp, "drain_timeout") { Limit = "connections cut off because the time to drain was over" },
        Counter.Throttled => new("connections_throttled_total", "Times that a connection was no longer read from because its peer did not take its replies."),
        Counter.CallQueueFull => new("call_queue_full_total", "Times that a socket was not read from because as many calls waited for a worker as may.") { Limit = "times that a connection was not read from because too many calls waited for a worker" },
        Counter.CallsDropped => new("calls_dropped_total", "Calls that waited for a worker and were not run because their connection had ended."),
        Counter.CallsInFlight => new("calls_in_flight", "Calls whose procedures are awaited."),
        Counter.CallsInFlightFull => new("calls_in_flight_full_total", "Times that a socket was not read from because as many calls were in flight as may.") { Limit = "times that a connection was not read from because too many calls were in flight" },
        Counter.CallsCancelled => new("calls_cancelled_total", "Calls that were cancelled: the client had gone, the server ended, or the time for a call was over."),
        Counter.DatagramsDropped => new("datagrams_dropped_total", "Datagrams dropped because too many of the same source were in progress.") { Limit = "datagrams dropped because too many of one source were in progress" },
        Counter.HeldBytes => new("pending_bytes", "Bytes that connections hold: of requests that have not arrived whole, and of replies that were not sent."),
        Counter.ChildrenMade => new("children_started_total", "Child processes made."),
        Counter.ChildrenLost => new("children_lost_total", "Child processes that a signal ended or that left with a failure."),
        Counter.SpareChildren => new("spare_children", "Child processes forked ahead that wait for a connection."),
        Counter.SparesUsedUp => new("spare_children_used_up_total", "Times that a connection took the last child that was forked ahead."),
        Counter.ReapedCpuNanoseconds => new("children_cpu_seconds_total", "CPU time of child processes that have ended."),
        Counter.EndedContextSwitches => new("ended_context_switches_total", "Context switches of children, and of threads of connections, that have ended."),
        Counter.ChildPageFaults => new("children_page_faults_total", "Page faults of children that have ended, without those that read from a disk."),
        Counter.ChildAllocatedBytes => new("children_allocated_bytes_total", "Bytes that children allocated on the managed heap while they served."),
        Counter.AcceptPaused => new("accept_pauses_total", "Times that accepting paused because the queue or the number of children was at its limit."),
        Counter.ReceivedBytes => new("received_bytes_total", "Bytes received from clients, those of TLS and of message boundaries included."),
        Counter.SentBytes => new("sent_bytes_total", "Bytes of replies that the kernel took."),
        Counter.SocketsHandedOver => new("sockets_handed_over_total", "Sockets that another server has taken over."),
        Counter.ProxyErrors => new("proxy_errors_total", "Connections of proxies closed because they did not begin with a header of the PROXY protocol.") { Limit = "connections of proxies closed because they did not begin with a header of the PROXY protocol" },
        Counter.Denied => new("clients_denied_total", "Connections closed, and datagrams dropped, because their clients are not among those that are served.") { Limit = "connections closed, or datagrams dropped, because their clients are not served" },
        Counter.CallsLimited => new("calls_limited_total", "Times that calls of a connection waited, and datagrams dropped, because the client had made as many calls as it may.") { Limit = "times that calls waited, or datagrams were dropped, because the client had made as many calls as it may" },
        Counter.AddressFull => new("connections_per_address_exceeded_total", "Connections closed because their clients had as many as one may have.") { Limit = "connections closed because their clients had as many as one may have" },
        _ => null,
    };
}
