using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Multiplex.Rpc.Observing;
using Multiplex.Sockets;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Multiplex.HostingTests;

/// <summary>Listeners of the meter and of the activity source see the calls of both sides, under the names of OpenTelemetry.</summary>
[NonParallelizable]
public class TelemetryTests
{
    [TestCase("epoll")]
    [TestCase("hybrid")]
    [TestCase("threads")]
    [TestCase("uring")]
    public async Task A_call_is_a_span_of_the_client_and_one_of_the_server(string model)
    {
        using Spans spans = new();
        using Activity operation = new Activity("operation").Start();
        await using RpcServer server = await RpcServer.StartAsync(o => o.Listen("tcp://127.0.0.1:0").UseModel(model), new Greeter(new(new()), new()));
        await using RpcClient client = await RpcClient.ConnectAsync(server.Endpoints[0]);
        await client.Create<IGreeter>().GreetAsync("you");
        Assert.That(Activity.Current, Is.SameAs(operation));

        (Activity called, Activity served) = (spans.Of(ActivityKind.Client).Single(), spans.Of(ActivityKind.Server).Single());
        foreach (Activity span in (Activity[])[called, served])
        {
            Assert.That(span.GetTagItem("rpc.system"), Is.EqualTo("onc_rpc"));
            Assert.That(span.GetTagItem("rpc.response.status_code"), Is.EqualTo("SUCCESS"));
            Assert.That(span.GetTagItem("server.address"), Is.EqualTo("127.0.0.1"));
            Assert.That($"{span.GetTagItem("server.port")}", Is.EqualTo(server.Endpoints[0].Port));
            Assert.That(span.Status, Is.EqualTo(ActivityStatusCode.Unset));
        }

        Assert.That((called.DisplayName, served.DisplayName), Is.EqualTo(("GreeterV1/Greet", "GreeterV1/Greet")));
        Assert.That((called.ParentSpanId, served.ParentSpanId), Is.EqualTo((operation.SpanId, default(ActivitySpanId))), "ONC RPC carries no trace context");
        Assert.That(served.GetTagItem("onc_rpc.xid"), Is.EqualTo(called.GetTagItem("onc_rpc.xid")));
        Assert.That((served.GetTagItem("rpc.service"), served.GetTagItem("rpc.method")), Is.EqualTo(("GreeterV1", "Greet")));
        Assert.That(served.GetTagItem("network.peer.address"), Is.EqualTo("127.0.0.1"));
    }

    [Test]
    public async Task The_activity_of_a_call_is_current_to_its_procedure_alone()
    {
        using Spans spans = new();
        Seen seen = new();
        await using RpcServer server = await RpcServer.StartAsync(o => o.Listen("tcp://127.0.0.1:0"), seen);
        await using RpcClient client = await RpcClient.ConnectAsync(server.Endpoints[0]);
        ITally tally = client.Create<ITally>();
        tally.Add(1);
        tally.Add(2);
        Assert.That(seen.Activities.Select(one => one?.SpanId), Is.EqualTo(spans.Of(ActivityKind.Server).Select(one => one.SpanId)));
        Assert.That(Activity.Current, Is.Null);
    }

    [Test]
    public async Task A_failure_is_an_error_of_both_sides()
    {
        using Spans spans = new();
        using Measurements measured = new();
        await using RpcServer server = await RpcServer.StartAsync(o => o.Listen("tcp://127.0.0.1:0").OnFailure = _ => { }, new Greeter(new(new()), new()));
        await using RpcClient client = await RpcClient.ConnectAsync(server.Endpoints[0]);
        Assert.That(() => client.Create<IGreeter>().FailAsync().AsTask().GetAwaiter().GetResult(), Throws.InstanceOf<RpcSystemErrorException>());
        Assert.That(() => client.Create<ITally>().Add(1), Throws.InstanceOf<RpcProgramUnavailableException>());
        Activity served = spans.Of(ActivityKind.Server).Single();
        Assert.That((served.Status, served.GetTagItem("error.type"), served.GetTagItem("rpc.response.status_code")),
            Is.EqualTo((ActivityStatusCode.Error, "System.InvalidOperationException", "SYSTEM_ERR")));
        Assert.That(served.Events.Single().Name, Is.EqualTo("exception"));
        Assert.That(spans.Of(ActivityKind.Client).Select(one => one.GetTagItem("error.type")), Is.EqualTo(new[] { "SYSTEM_ERR", "PROG_UNAVAIL" }));
        Assert.That(measured.Of("multiplex.server.errors").Select(one => (one["rpc.method"], one["rpc.response.status_code"])),
            Is.EqualTo(new[] { ("Fail", "SYSTEM_ERR"), ("_OTHER", "PROG_UNAVAIL") }));
    }

    [Test]
    public async Task Calls_are_measured_by_procedure()
    {
        using Measurements measured = new();
        await using RpcServer server = await RpcServer.StartAsync(o => o.Listen("tcp://127.0.0.1:0"), new Greeter(new(new()), new()), new Tally());
        await using RpcClient client = await RpcClient.ConnectAsync(server.Endpoints[0]);
        await client.Create<IGreeter>().GreetAsync("you");
        client.Create<ITally>().Add(1);
        client.Create<ITally>().Add(1);
        foreach (string side in (string[])["server", "client"])
        {
            IReadOnlyList<IReadOnlyDictionary<string, string?>> calls = measured.Of($"rpc.{side}.call.duration");
            Assert.That(calls.Select(one => $"{one["rpc.service"]}/{one["rpc.method"]} {one["rpc.response.status_code"]} {one["server.port"]}"),
                Is.EqualTo(new[] { "GreeterV1/Greet SUCCESS", "TallyV1/Add SUCCESS", "TallyV1/Add SUCCESS" }.Select(one => $"{one} {server.Endpoints[0].Port}")), side);
        }
    }

    [Test]
    public async Task A_one_way_call_is_a_span_of_both_sides_without_a_status_on_the_client()
    {
        using Spans spans = new();
        using Measurements measured = new();
        await using RpcServer server = await RpcServer.StartAsync(o => o.Listen("tcp://127.0.0.1:0"), new Tally());
        await using RpcClient client = await RpcClient.ConnectAsync(server.Endpoints[0]);
        TallyV1Client tally = new(client);
        tally.Note(1);
        tally.NoteBatched(2);
        client.Flush();
        Eventually.Holds(() => spans.Of(ActivityKind.Server).Count == 2, "the calls are run");
        IReadOnlyList<Activity> called = spans.Of(ActivityKind.Client);
        Assert.That(called.Select(one => one.GetTagItem("onc_rpc.xid")), Is.EqualTo(spans.Of(ActivityKind.Server).Select(one => one.GetTagItem("onc_rpc.xid"))));
        Assert.That(called.Select(one => (one.DisplayName, one.Status, one.GetTagItem("rpc.response.status_code"))),
            Is.All.EqualTo(("TallyV1/Note", ActivityStatusCode.Unset, (object?)null)));
        Assert.That(measured.Of("rpc.client.call.duration").Select(one => one.ContainsKey("rpc.response.status_code")), Is.EqualTo(new[] { false, false }));
    }

    [Test]
    public async Task Clients_are_measured_by_their_server()
    {
        using Measurements measured = new();
        RpcServer server = await RpcServer.StartAsync(o => o.Listen("tcp://127.0.0.1:0"), new Tally());
        Endpoint endpoint = server.Endpoints[0];
        await using RpcClient first = await RpcClient.ConnectAsync(endpoint, new() { ReconnectFor = TimeSpan.Zero, Retry = new() { Attempts = 2, FirstPause = TimeSpan.FromMilliseconds(1) } });
        await using (RpcClient second = await RpcClient.ConnectAsync(endpoint))
            Assert.That(measured.Now("multiplex.client.connections", endpoint).Value, Is.EqualTo(2));
        Assert.That(measured.Now("multiplex.client.connections", endpoint).Value, Is.EqualTo(1));
        first.Create<ITally>().Add(1);
        await server.DisposeAsync();
        Assert.That(() => first.Create<ITally>().Sum(), Throws.InstanceOf<RpcConnectionException>());
        Assert.That(measured.Now("multiplex.client.connections", endpoint).Value, Is.Zero);
        Assert.That((measured.Of("multiplex.client.connections.lost").Count, measured.Of("multiplex.client.retries").Count), Is.EqualTo((1, 1)));
    }

    [Test]
    public async Task Servers_as_a_whole_are_measured_from_their_counters()
    {
        using Measurements measured = new();
        await using RpcServer server = await RpcServer.StartAsync(o => o.Listen("tcp://127.0.0.1:0").UseModel("poll"), new Tally());
        await using (RpcClient client = await RpcClient.ConnectAsync(server.Endpoints[0]))
        {
            client.Create<ITally>().Add(1);
            client.Create<ITally>().Add(1);
            Assert.That(measured.Now("multiplex.server.connections", server.Endpoints[0]), Is.EqualTo((1, "poll")));
        }

        Eventually.Holds(() => measured.Now("multiplex.server.connections", server.Endpoints[0]) == (0, "poll"), "the connection is open");
        Assert.That(measured.Now("multiplex.server.calls", server.Endpoints[0]), Is.EqualTo((2, "poll")));
        foreach (string name in (string[])["connections.accepted", "connections.refused", "reply_cache.hits", "reply_cache.evictions", "calls.in_flight", "pending_bytes"])
            Assert.That(measured.Now($"multiplex.server.{name}", server.Endpoints[0]).Value, Is.EqualTo(name == "connections.accepted" ? 1 : 0), name);
        await server.StopAsync();
        Assert.That(measured.Now("multiplex.server.calls", server.Endpoints[0]), Is.EqualTo((0, (string?)null)), "a server that has ended is no longer measured");
    }

    [Test]
    public async Task OpenTelemetry_exports_the_meter_and_the_spans()
    {
        List<Activity> spans = [];
        List<Metric> metrics = [];
        using MeterProvider meters = Sdk.CreateMeterProviderBuilder().AddMeter(RpcTelemetry.MeterName).AddInMemoryExporter(metrics).Build();
        using TracerProvider traces = Sdk.CreateTracerProviderBuilder().AddSource(RpcTelemetry.ActivitySourceName).AddInMemoryExporter(spans).Build();
        await using RpcServer server = await RpcServer.StartAsync(o => o.Listen("tcp://127.0.0.1:0"), new Tally());
        await using RpcClient client = await RpcClient.ConnectAsync(server.Endpoints[0]);
        client.Create<ITally>().Add(1);
        meters.ForceFlush();
        traces.ForceFlush();
        Assert.That(spans.Select(one => one.Kind), Is.EquivalentTo(new[] { ActivityKind.Client, ActivityKind.Server }));
        Assert.That(metrics.Select(one => $"{one.Name} {one.Unit}"), Is.SupersetOf(new[] { "rpc.server.call.duration s", "rpc.client.call.duration s", "multiplex.server.calls {call}" }));
    }

    private sealed class Seen : ITally
    {
        public ConcurrentQueue<Activity?> Activities { get; } = new();

        public int Add(int amount)
        {
            Activities.Enqueue(Activity.Current);
            return amount;
        }

        public int Sum() => 0;

        public void Note(int amount) => Add(amount);
    }

    /// <summary>Listens to the activity source.</summary>
    private sealed class Spans : IDisposable
    {
        private readonly ConcurrentQueue<Activity> _ended = new();
        private readonly ActivityListener _listener;

        public Spans()
        {
            _listener = new()
            {
                ShouldListenTo = source => source.Name == RpcTelemetry.ActivitySourceName,
                Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
                ActivityStopped = _ended.Enqueue,
            };
            ActivitySource.AddActivityListener(_listener);
        }

        /// <summary>The activities that have ended, in the order in which they began. The server's activity may end after the reply was sent.</summary>
        public IReadOnlyList<Activity> Of(ActivityKind kind)
        {
            Eventually.Holds(() => _ended.Any(one => one.Kind == kind), $"no span of kind {kind}");
            return [.. _ended.Where(one => one.Kind == kind).OrderBy(one => one.StartTimeUtc)];
        }

        public void Dispose() => _listener.Dispose();
    }

    /// <summary>Listens to the meter.</summary>
    private sealed class Measurements : IDisposable
    {
        private readonly ConcurrentQueue<(string Instrument, IReadOnlyDictionary<string, string?> Tags)> _all = new();
        private readonly MeterListener _listener = new();
        private readonly List<(string Instrument, long Value, IReadOnlyDictionary<string, string?> Tags)> _observed = [];

        public Measurements()
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == RpcTelemetry.MeterName)
                    listener.EnableMeasurementEvents(instrument);
            };
            _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) =>
            {
                Assert.That(value, Is.GreaterThan(0));
                _all.Enqueue((instrument.Name, Read(tags)));
            });
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
            {
                if (instrument.IsObservable)
                    _observed.Add((instrument.Name, value, Read(tags)));
                else
                    _all.Enqueue((instrument.Name, Read(tags)));
            });
            _listener.Start();
        }

        /// <summary>The tags of each measurement of an instrument.</summary>
        public IReadOnlyList<IReadOnlyDictionary<string, string?>> Of(string instrument) => [.. _all.Where(one => one.Instrument == instrument).Select(one => one.Tags)];

        /// <summary>What an observable instrument reports of a server, and of its model.</summary>
        public (long Value, string? Model) Now(string instrument, Endpoint server)
        {
            _observed.Clear();
            _listener.RecordObservableInstruments();
            (_, long value, IReadOnlyDictionary<string, string?>? tags) = _observed.SingleOrDefault(one => one.Instrument == instrument && one.Tags["server.port"] == server.Port);
            return (value, tags?.GetValueOrDefault("multiplex.server.model"));
        }

        public void Dispose() => _listener.Dispose();

        private static Dictionary<string, string?> Read(ReadOnlySpan<KeyValuePair<string, object?>> tags) => tags.ToArray().ToDictionary(one => one.Key, one => one.Value?.ToString());
    }
}
