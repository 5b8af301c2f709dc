using System.Globalization;
using Multiplex.Load.Workload;

namespace Multiplex.Load.Reporting;

/// <summary>The options of a run, for its report.</summary>
/// <param name="Connect">The endpoint.</param>
/// <param name="Protocol">echo, rpc, nfs, procedure or bytes.</param>
/// <param name="Connections">Connections.</param>
/// <param name="Depth">Requests in flight on each.</param>
/// <param name="SizeBytes">Payload; of several sizes the longest.</param>
/// <param name="DurationS">Measured time asked for, in seconds.</param>
/// <param name="WarmupS">Time before it, in seconds.</param>
/// <param name="CallsPerConnection">Requests after which a connection was made anew; 0: never.</param>
/// <param name="Threads">Client threads.</param>
/// <param name="RatePerS">In an open loop: requests due in a second, at the beginning; null in a closed loop.</param>
/// <param name="RateToPerS">The same at the end.</param>
/// <param name="Arrivals">constant or poisson; null in a closed loop.</param>
/// <param name="Mix">The procedures with their weights.</param>
/// <param name="Sizes">The sizes with their weights.</param>
/// <param name="ThinkTimeS">Pause of a slot after a reply, in seconds.</param>
/// <param name="ConnectRatePerS">The most connections made in a second; 0: without a limit.</param>
/// <param name="IdleConnections">Connections that were made and not used.</param>
/// <param name="SlowReaders">Connections that read slowly.</param>
/// <param name="SlowWriters">Connections that send slowly.</param>
/// <param name="SlowBytesPerS">The rate of a slow connection, in bytes a second.</param>
/// <param name="TimeoutS">The timeout of a reply, in seconds.</param>
public sealed record LoadReportOptions(
    string Connect,
    string Protocol,
    int Connections,
    int Depth,
    int SizeBytes,
    double DurationS,
    double WarmupS,
    int CallsPerConnection,
    int Threads,
    double? RatePerS,
    double? RateToPerS,
    string? Arrivals,
    string Mix,
    string Sizes,
    double ThinkTimeS,
    double ConnectRatePerS,
    int IdleConnections,
    int SlowReaders,
    int SlowWriters,
    int SlowBytesPerS,
    double TimeoutS)
{
    /// <summary>The files of a load of NFS; null of other protocols.</summary>
    public TreeReport? Tree { get; init; }

    /// <summary>Requests to make; 0: no limit.</summary>
    public long Requests { get; init; }

    /// <summary>How long a thread looked for replies before it slept, in microseconds.</summary>
    public double SpinUs { get; init; }

    /// <summary>Whether the connections had TLS.</summary>
    public bool Tls { get; init; }

    /// <summary>The options of a run with a mix of requests.</summary>
    public static LoadReportOptions Of(LoadOptions options, string connect, string protocol, RequestMix mix) => Of(
        options, connect, protocol, protocol == "echo" ? "" : Text(mix.Calls), Text(mix.Sizes), mix.Sizes.Max(size => size.Value));

    /// <summary>The options of a run.</summary>
    /// <param name="options">The load.</param>
    /// <param name="connect">The endpoint.</param>
    /// <param name="protocol">The name of the protocol.</param>
    /// <param name="mix">The procedures.</param>
    /// <param name="sizes">The sizes; empty where the requests are given as they are.</param>
    /// <param name="sizeBytes">The longest size.</param>
    public static LoadReportOptions Of(LoadOptions options, string connect, string protocol, string mix, string sizes, int sizeBytes) => new(
        connect,
        protocol,
        options.Connections,
        options.Depth,
        sizeBytes,
        options.Duration.TotalSeconds,
        options.WarmUp.TotalSeconds,
        options.CallsPerConnection,
        options.Threads,
        options.Arrivals?.FromPerS,
        options.Arrivals?.ToPerS,
        options.Arrivals is { } arrivals ? Name(arrivals.Spacing) : null,
        mix,
        sizes,
        options.ThinkTime.TotalSeconds,
        options.ConnectRate,
        options.IdleConnections,
        options.SlowReaders,
        options.SlowWriters,
        options.SlowBytesPerS,
        options.Timeout.TotalSeconds)
    {
        Requests = options.Requests,
        SpinUs = options.Spin.TotalMicroseconds,
        Tls = options.Tls is not null,
    };

    /// <summary>The name of a spacing.</summary>
    public static string Name(ArrivalSpacing spacing) => spacing == ArrivalSpacing.Poisson ? "poisson" : "constant";

    /// <summary>How things with weights are written.</summary>
    public static string Text<T>(IReadOnlyList<Weighted<T>> all) => all.Count == 1
        ? $"{all[0].Value}"
        : string.Join(',', all.Select(one => string.Create(CultureInfo.InvariantCulture, $"{one.Value}={one.Weight}")));
}

/// <summary>The files of a load of NFS.</summary>
/// <param name="Files">How many.</param>
/// <param name="Directories">In how many directories.</param>
/// <param name="FileBytes">Bytes of each.</param>
public sealed record TreeReport(int Files, int Directories, int FileBytes);
