using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using Multiplex.Sockets;

namespace Multiplex.Rpc.Observing;

/// <summary>
/// What servers and clients report to listeners: a <see cref="Meter"/> and an <see cref="ActivitySource"/>, both named "Multiplex". Without a listener, a
/// call costs only the check for one.
/// </summary>
/// <remarks>The names follow OpenTelemetry's semantic conventions for RPC; <c>rpc.system</c> is <c>onc_rpc</c>. The table is in docs/rpc.md.</remarks>
public static class RpcTelemetry
{
    /// <summary>The name of the meter.</summary>
    public const string MeterName = "Multiplex";

    /// <summary>The name of the activity source.</summary>
    public const string ActivitySourceName = "Multiplex";

    /// <summary>The buckets of durations, in seconds: those of the conventions, and shorter ones for calls on one machine.</summary>
    internal static InstrumentAdvice<double> Durations { get; } = new()
    {
        HistogramBucketBoundaries = [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    };

    /// <summary>The meter.</summary>
    internal static Meter Meter { get; } = new(MeterName, typeof(RpcTelemetry).Assembly.GetName().Version?.ToString(3));

    /// <summary>The source of spans.</summary>
    internal static ActivitySource Activities { get; } = new(ActivitySourceName, Meter.Version);

    /// <summary>How long calls took, as the client measures them.</summary>
    internal static Histogram<double> ClientDuration { get; } =
        Meter.CreateHistogram("rpc.client.call.duration", "s", "How long calls take, from their sending to their results or failure.", tags: null, Durations);

    /// <summary>Whether anything listens to the calls of clients.</summary>
    internal static bool IsClientObserved => ClientDuration.Enabled || Activities.HasListeners();

    /// <summary>Starts an activity, if there is a listener. It leaves <see cref="Activity.Current"/> as it was.</summary>
    internal static Activity? Start(string service, string method, ActivityKind kind, in TagList tags)
    {
        if (!Activities.HasListeners())
            return null;
        Activity? current = Activity.Current;
        if (kind == ActivityKind.Server)
            Activity.Current = null;   // the activity that was current when the server started must not become the parent of a call
        Activity? activity = Activities.StartActivity($"{service}/{method}", kind, default(ActivityContext), tags);
        Activity.Current = current;
        return activity;
    }

    /// <summary>Stops an activity. It leaves <see cref="Activity.Current"/> as it is: this may be another thread than the one that started the activity.</summary>
    /// <param name="activity">The activity.</param>
    /// <param name="status">The RFC's name for the status in the reply; null when there is no reply.</param>
    /// <param name="error">The kind of error, one of a small set of names; null for none.</param>
    /// <param name="failure">The exception, if there is one.</param>
    internal static void Stop(Activity activity, string? status, string? error, Exception? failure)
    {
        if (status is not null)
            activity.SetTag("rpc.response.status_code", status);
        if (error is not null)
        {
            activity.SetTag("error.type", error);
            activity.SetStatus(ActivityStatusCode.Error, failure?.Message ?? status);
            if (failure is not null && activity.IsAllDataRequested)
                activity.AddException(failure);
        }

        Activity? current = Activity.Current;
        activity.Stop();
        Activity.Current = current;
    }

    /// <summary>The text for a program that has no name.</summary>
    internal static string NameOfProgram(uint number) => $"0x{number:x8}";

    /// <summary>The tags of a server's endpoint.</summary>
    internal static KeyValuePair<string, object?>[] ServerTags(Endpoint server) => server.Kind.IsInternet()
        ? int.TryParse(server.Port, CultureInfo.InvariantCulture, out int port)
            ? [new("server.address", server.Host), new("server.port", port)]
            : [new("server.address", server.Host)]
        : [new("server.address", server.Path)];

    /// <summary>The tags that spans and measurements have in common.</summary>
    internal static TagList Tags(string service, string method) => new()
    {
        { "rpc.system", "onc_rpc" },
        { "rpc.service", service },
        { "rpc.method", method },
    };
}
