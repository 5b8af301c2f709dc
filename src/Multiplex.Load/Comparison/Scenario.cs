using Multiplex.Demo;
using Multiplex.Load.Workload;
using Multiplex.Load.Workload.Files;

namespace Multiplex.Load.Comparison;

/// <summary>How many connections a scenario is measured with.</summary>
/// <param name="Connections">Connections that send requests and are measured.</param>
/// <param name="Idle">Silent connections beside them.</param>
/// <param name="SlowReaders">Connections beside them that send many requests and read few replies.</param>
public sealed record ScenarioPoint(int Connections, int Idle = 0, int SlowReaders = 0)
{
    /// <summary>Connections that are not measured.</summary>
    public int Others => Idle + SlowReaders;

    /// <summary>All connections that the server has to hold.</summary>
    public int All => Connections + Others;

    /// <summary>The point in words.</summary>
    public string Label =>
        (Connections == 1 ? "1 connection" : $"{Connections:N0} connections")
        + (Idle > 0 ? $" beside {Idle:N0} silent ones" : "")
        + (SlowReaders > 0 ? $" beside {SlowReaders:N0} slow readers" : "");
}

/// <summary>One kind of load that servers are compared under.</summary>
/// <param name="Name">What <c>--scenarios</c> takes.</param>
/// <param name="Load">A description of the load.</param>
/// <param name="LookFor">What the figures show, in two sentences.</param>
/// <param name="Points">How many connections it is measured with.</param>
public sealed record Scenario(string Name, string Load, string LookFor, IReadOnlyList<ScenarioPoint> Points)
{
    /// <summary>The points of a quick comparison; none leaves the scenario out.</summary>
    public IReadOnlyList<ScenarioPoint> QuickPoints { get; init; } = [];

    /// <summary>Requests in flight on each connection.</summary>
    public int Depth { get; init; } = 1;

    /// <summary>The requests: by default the echo of 64 bytes.</summary>
    public RequestMix Mix { get; init; } = RequestMix.OfSize(64);

    /// <summary>The operations that servers of NFS are asked for; null: the scenario is for the other protocols.</summary>
    public FileMix? Files { get; init; }

    /// <summary>Whether calls are made that the protocol <c>echo</c> does not have.</summary>
    public bool NeedsProcedures => Mix.Calls.Any(call => call.Value.Procedure != MultiplexV1Procedure.Echo);

    /// <summary>Calls after which a connection is made anew; 0 keeps it.</summary>
    public int CallsPerConnection { get; init; }

    /// <summary>An open loop at this multiple of the rate that the server reached in a closed loop just before; 0 is a closed loop.</summary>
    public double Overload { get; init; }

    /// <summary>The figure that the servers are ranked by.</summary>
    public Metric JudgedBy { get; init; } = Metric.Throughput;

    /// <summary>The second figure to rank by.</summary>
    public Metric AlsoJudgedBy { get; init; } = Metric.Cpu;

    /// <summary>Whether a server may refuse a part of the requests: then errors are a finding, not a failure.</summary>
    public bool ToleratesErrors { get; init; }
}
