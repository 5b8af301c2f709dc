using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Multiplex.Rpc.Client;
using Multiplex.Rpc.Client.Calls;
using Multiplex.Sockets;

namespace Multiplex.Rpc.Observing;

/// <summary>
/// Events of the connection of one client, and its failed calls, for its log and for the meter. Called without holding the connection's lock, as a logger
/// may take long.
/// </summary>
internal sealed partial class ClientEvents(ILogger logger)
{
    private static readonly ConcurrentDictionary<Endpoint, long> s_open = new();   // connections, by server
    private static readonly Counter<long> s_lost = RpcTelemetry.Meter.CreateCounter<long>(
        "multiplex.client.connections.lost", "{connection}", "Connections that ended otherwise than by the client's being closed.");

    private static readonly Counter<long> s_retries = RpcTelemetry.Meter.CreateCounter<long>(
        "multiplex.client.retries", "{call}", "Calls that were made again after a failure.");

    private Endpoint? _connected;

    static ClientEvents() => RpcTelemetry.Meter.CreateObservableUpDownCounter(
        "multiplex.client.connections",
        () => s_open.Select(one => new Measurement<long>(one.Value, RpcTelemetry.ServerTags(one.Key))),
        "{connection}",
        "Connections that are open.");

    /// <summary>A connection was made.</summary>
    /// <param name="server">The server.</param>
    /// <param name="address">Which of its addresses.</param>
    public void Connected(Endpoint server, Endpoint address)
    {
        Closed();
        _connected = server;
        s_open.AddOrUpdate(server, 1, static (_, count) => count + 1);
        Connected(logger, server, address);
    }

    /// <summary>The connection has ended.</summary>
    /// <param name="server">The server.</param>
    /// <param name="reason">Why.</param>
    /// <param name="failed">How many calls fail because of it.</param>
    /// <param name="kept">How many are sent again on the next connection.</param>
    public void Lost(Endpoint server, string reason, int failed, int kept)
    {
        Closed();
        s_lost.Add(1, new TagList(RpcTelemetry.ServerTags(server)));
        Lost(logger, failed > 0 ? LogLevel.Warning : LogLevel.Information, server, reason, failed, kept);
    }

    /// <summary>No address of the server accepts a connection.</summary>
    public void CannotConnect(Endpoint server, string reason) => CannotConnect(logger, server, reason);

    /// <summary>The name service has returned a new address for the program.</summary>
    public void Moved(Endpoint from, Endpoint to) => Moved(logger, from, to);

    /// <summary>The name service has returned no address for the program.</summary>
    public void NotLocated(string reason) => NotLocated(logger, reason);

    /// <summary>A call has failed and is made again.</summary>
    public void Retried(Endpoint server, PendingCall call, string reason)
    {
        s_retries.Add(1, new TagList(RpcTelemetry.ServerTags(server)));
        Retried(logger, server, call.Procedure, call.Attempt, call.Retry!.Attempts, reason);
    }

    /// <summary>A call has failed.</summary>
    public void Failed(Exception failure)
    {
        switch (failure)
        {
            case RpcTimeoutException { Server: not null } late:
                TimedOut(logger, late.Server, late.Procedure, late.Xid, late.Reason);
                break;
            case RpcRefusedException { Server: not null } refused:
                Refused(logger, refused.Server, refused.Procedure, refused.Xid, refused.Reason);
                break;
            case RpcException { Server: not null } other:
                Failed(logger, other.Server, other.Procedure, other.Xid, other.Reason);
                break;
        }
    }

    /// <summary>The client is closed, or its connection has ended.</summary>
    public void Closed()
    {
        if (Interlocked.Exchange(ref _connected, null) is not { } server)
            return;
        s_open.AddOrUpdate(server, 0, static (_, count) => count - 1);
        s_open.TryRemove(new(server, 0));
    }

    [LoggerMessage(11, LogLevel.Information, "connected to {Server} at {Address}", EventName = "Connected")]
    private static partial void Connected(ILogger logger, Endpoint server, Endpoint address);

    // A server closes idle connections, so this is not always a warning.
    [LoggerMessage(EventId = 12, EventName = "ConnectionLost", Message = "the connection to {Server} has ended: {Reason}; {Failed} calls fail by it, {Kept} go on")]
    private static partial void Lost(ILogger logger, LogLevel level, Endpoint server, string reason, int failed, int kept);

    [LoggerMessage(13, LogLevel.Debug, "cannot connect to {Server}: {Reason}", EventName = "CannotConnect")]
    private static partial void CannotConnect(ILogger logger, Endpoint server, string reason);

    [LoggerMessage(14, LogLevel.Information, "the name service has the program of {Server} at {Now}", EventName = "Moved")]
    private static partial void Moved(ILogger logger, Endpoint server, Endpoint now);

    [LoggerMessage(15, LogLevel.Debug, "the name service does not say where the program is: {Reason}", EventName = "NotLocated")]
    private static partial void NotLocated(ILogger logger, string reason);

    [LoggerMessage(16, LogLevel.Information, "call {Server}: {Procedure}: attempt {Attempt} of {Attempts} follows: {Reason}", EventName = "Retried")]
    private static partial void Retried(ILogger logger, Endpoint server, RpcProcedure procedure, int attempt, int attempts, string reason);

    [LoggerMessage(17, LogLevel.Warning, "call {Server}: {Procedure} (xid 0x{Xid:x8}): {Reason}", EventName = "TimedOut")]
    private static partial void TimedOut(ILogger logger, Endpoint server, RpcProcedure procedure, uint xid, string reason);

    [LoggerMessage(18, LogLevel.Warning, "call {Server}: {Procedure} (xid 0x{Xid:x8}): {Reason}", EventName = "Refused")]
    private static partial void Refused(ILogger logger, Endpoint server, RpcProcedure procedure, uint xid, string reason);

    // One event may make many calls fail; the event has its own log message.
    [LoggerMessage(19, LogLevel.Debug, "call {Server}: {Procedure} (xid 0x{Xid:x8}): {Reason}", EventName = "CallFailed")]
    private static partial void Failed(ILogger logger, Endpoint server, RpcProcedure procedure, uint xid, string reason);
}
