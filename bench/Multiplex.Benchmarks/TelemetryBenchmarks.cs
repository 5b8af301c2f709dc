using System.Diagnostics;
using System.Diagnostics.Metrics;
using BenchmarkDotNet.Attributes;
using Multiplex.Demo;
using Multiplex.Engine;
using Multiplex.Rpc.Observing;
using Multiplex.Rpc.Server;
using Multiplex.Sockets;

namespace Multiplex.Benchmarks;

/// <summary>
/// The cost of meter and traces for a call of ECHO with 64 bytes, from the received bytes to the bytes to send: without them, without a listener, and with a
/// listener of each kind.
/// </summary>
[MemoryDiagnoser(displayGenColumns: false)]
[Config(typeof(OneGroup))]
public class TelemetryBenchmarks
{
    private static readonly byte[] s_echo = RpcCallBenchmarks.Call(MultiplexV1.Echo, writer => writer.WriteOpaque(new byte[64]));

    private readonly OutputBuffer _reply = new();
    private readonly PeerAddress _peer = RpcCallBenchmarks.Loopback();
    private readonly ServerCounters _counters = new();
    private RpcProtocol _plain = null!;
    private RpcProtocol _observed = null!;
    private IDisposable? _listener;

    [GlobalSetup]
    public void Setup()
    {
        _plain = new(new MultiplexProgram(_counters));
        _observed = new(new MultiplexProgram(_counters)) { Observer = new ServerTelemetry(also: null) };
    }

    [GlobalSetup(Target = nameof(MeterListens))]
    public void SetupMeter()
    {
        Setup();
        MeterListener listener = new() { InstrumentPublished = EnableDurations };
        listener.SetMeasurementEventCallback<double>(static (_, _, _, _) => { });
        listener.Start();
        _listener = listener;
    }

    [GlobalSetup(Target = nameof(TracesListen))]
    public void SetupTraces()
    {
        Setup();
        ActivityListener listener = new()
        {
            ShouldListenTo = source => source.Name == RpcTelemetry.ActivitySourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
        };
        ActivitySource.AddActivityListener(listener);
        _listener = listener;
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _listener?.Dispose();
        _listener = null;
    }

    [Benchmark(Baseline = true)]
    public int WithoutTelemetry() => Answer(_plain);

    [Benchmark]
    public int NobodyListens() => Answer(_observed);

    [Benchmark]
    public int MeterListens() => Answer(_observed);

    [Benchmark]
    public int TracesListen() => Answer(_observed);

    private static void EnableDurations(Instrument instrument, MeterListener listener)
    {
        if (instrument.Meter.Name == RpcTelemetry.MeterName && !instrument.IsObservable)
            listener.EnableMeasurementEvents(instrument);
    }

    private int Answer(RpcProtocol protocol)
    {
        _reply.Clear();
        FramingProgress progress = default;
        int left = int.MaxValue;
        ReadOutcome stop = RequestReader.Consume(protocol, s_echo, ref progress, _peer.Peer, _reply, 256 * 1024, out int consumed, ref left);
        return stop == ReadOutcome.NeedsInput && consumed == s_echo.Length
            ? _reply.Length
            : throw new InvalidOperationException($"{stop}: consumed {consumed} of {s_echo.Length} bytes");
    }
}
