using System.Collections.Immutable;
using System.Diagnostics.Metrics;
using Multiplex.Rpc.Server;
using Multiplex.Sockets;

namespace Multiplex.Rpc.Observing;

/// <summary>
/// The metrics of servers as a whole. The meter reads them from their <see cref="ServerCounters"/> on request, so they cost a call nothing, and include
/// the children of models that fork.
/// </summary>
internal static class ServerInstruments
{
    private static ImmutableArray<Running> s_running = [];

    static ServerInstruments()
    {
        Meter meter = RpcTelemetry.Meter;
        Sum(meter, "multiplex.server.calls", "{call}", "Calls of which the procedure was run.", Counter.Calls);
        Sum(meter, "multiplex.server.connections.accepted", "{connection}", "Connections accepted.", Counter.Accepted);
        Sum(meter, "multiplex.server.connections.refused", "{connection}", "Connections closed at once: too many were open, or no descriptor was left.", Counter.Refused);
        Sum(meter, "multiplex.server.reply_cache.hits", "{call}", "Repeated calls that got the reply of the first one.", Counter.ReplyCacheHits);
        Sum(meter, "multiplex.server.reply_cache.evictions", "{reply}", "Replies forgotten before their time.", Counter.ReplyCacheEvictions);
        meter.CreateObservableUpDownCounter(
            "multiplex.server.connections", () => Measure(counters => counters[Counter.Accepted] - counters[Counter.Closed]), "{connection}", "Connections that are open.");
        meter.CreateObservableUpDownCounter(
            "multiplex.server.calls.in_flight", () => Measure(counters => counters[Counter.CallsInFlight]), "{call}", "Calls whose procedures are awaited.");
        meter.CreateObservableUpDownCounter(
            "multiplex.server.pending_bytes", () => Measure(counters => counters[Counter.HeldBytes]), "By", "Bytes that connections hold: of requests that have not arrived whole, and of replies that were not sent.");
    }

    /// <summary>Adds a server to the meter.</summary>
    /// <param name="counters">Its counters.</param>
    /// <param name="model">The name of its model.</param>
    /// <param name="first">Where it listens; the first endpoint, if it has several.</param>
    /// <returns>Dispose it when the server has ended.</returns>
    public static IDisposable Add(ServerCounters counters, string model, Endpoint first)
    {
        Running running = new(counters, [new("multiplex.server.model", model), .. RpcTelemetry.ServerTags(first)]);
        ImmutableInterlocked.Update(ref s_running, (all, one) => all.Add(one), running);
        return running;
    }

    private static void Sum(Meter meter, string name, string unit, string description, Counter counter) =>
        meter.CreateObservableCounter(name, () => Measure(counters => counters[counter]), unit, description);

    private static IEnumerable<Measurement<long>> Measure(Func<ServerCounters, long> value) =>
        s_running.Select(running => new Measurement<long>(value(running.Counters), running.Tags));

    private sealed record Running(ServerCounters Counters, KeyValuePair<string, object?>[] Tags) : IDisposable
    {
        public void Dispose() => ImmutableInterlocked.Update(ref s_running, (all, one) => all.Remove(one), this);
    }
}
