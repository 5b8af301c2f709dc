using System.Diagnostics;
using Multiplex.Rpc.Server;

namespace Multiplex.Rpc.Observing;

/// <summary>Measures the durations of a server's calls, for histograms and for an access log. It is optional: a server without it does not read the clock for a call.</summary>
/// <param name="table">The procedures.</param>
/// <param name="durations">The histograms; null for none.</param>
/// <param name="log">The access log; null for none.</param>
internal sealed class CallMeter(DispatchTable table, CallDurations? durations, CallLog? log) : IDisposable
{
    /// <summary>The histograms; null: the durations are for the access log alone.</summary>
    public CallDurations? Durations => durations;

    [ThreadStatic]
    private static int t_received;

    /// <summary>The server starts to handle a call.</summary>
    /// <param name="replies">The buffer for its reply.</param>
    /// <param name="received">The length of the call on the wire, in bytes.</param>
    /// <param name="isNext">Whether the thread has just made the previous reply: the end of that call is then the beginning of this one, without another clock read.</param>
    /// <returns>The time, in ticks of <see cref="Stopwatch"/>; not 0.</returns>
    public long Begin(OutputBuffer replies, int received, bool isNext)
    {
        if (log is not null)
            t_received = received;
        return isNext && replies.MadeAt != 0 ? replies.MadeAt : Stopwatch.GetTimestamp();
    }

    /// <summary>The reply is made, or there is none. A call whose reply comes later is not counted here: <see cref="EndLate"/>.</summary>
    /// <param name="message">The call, from its xid on.</param>
    /// <param name="number">The number of the procedure; -1: the call names none that there is.</param>
    /// <param name="received">The length of the call on the wire, in bytes.</param>
    /// <param name="peer">The client.</param>
    /// <param name="replies">The buffer at whose end the reply is.</param>
    /// <param name="start">Where the reply begins there.</param>
    /// <param name="header">How many bytes of the reply are before its xid.</param>
    /// <param name="begun">What <see cref="Begin"/> returned.</param>
    public void End(ReadOnlySpan<byte> message, int number, int received, in Peer peer, OutputBuffer replies, int start, int header, long begun)
    {
        long now = Stopwatch.GetTimestamp();
        replies.MadeAt = now;
        if (replies.Late is not null)
            return;
        if (number >= 0)
            durations?.Add(number, now - begun);
        log?.Write(message, NameOf(number), peer, received, replies.Written[start..], header, now - begun);
    }

    /// <summary>The number of the procedure of a call; the server must have the procedure.</summary>
    public int NumberOf(in RpcCall call) => table.NumberOf(call);

    /// <summary>What the access log needs of the call that this thread handles, if its reply may come later; null: there is no access log.</summary>
    public LoggedCall? ToLog(in Peer peer) => log is null ? null : new(CallLog.ClientOf(peer), t_received);

    /// <summary>The reply of an async procedure is made.</summary>
    /// <param name="number">The procedure: <see cref="NumberOf"/>.</param>
    /// <param name="begun">When the server started to handle the call.</param>
    /// <param name="logged">What <see cref="ToLog"/> returned.</param>
    /// <param name="reply">The reply.</param>
    /// <param name="header">How many bytes of it are before its xid.</param>
    public void EndLate(int number, long begun, LoggedCall? logged, ReadOnlySpan<byte> reply, int header)
    {
        long ticks = Stopwatch.GetTimestamp() - begun;
        durations?.Add(number, ticks);
        if (logged is not null)
            log!.WriteLate(NameOf(number), logged, reply, header, ticks);
    }

    private ProcedureName? NameOf(int number) => number >= 0 ? table.Procedures[number] : null;

    /// <inheritdoc/>
    public void Dispose() => durations?.Dispose();
}

/// <summary>What an access log keeps of a call until its reply is made.</summary>
/// <param name="Client">The client, as text.</param>
/// <param name="Received">The length of the call on the wire, in bytes.</param>
internal sealed record LoggedCall(byte[] Client, int Received);
