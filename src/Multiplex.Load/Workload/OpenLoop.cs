namespace Multiplex.Load.Workload;

/// <summary>The spacing of arrivals.</summary>
public enum ArrivalSpacing
{
    /// <summary>At equal distances.</summary>
    Constant,

    /// <summary>As if from many independent users: a Poisson process, its distances exponentially distributed.</summary>
    Poisson,
}

/// <summary>
/// An open loop: requests are due at fixed times, whatever the server does. A request that finds no free slot waits, and its
/// latency counts from its due time.
/// </summary>
/// <param name="FromPerS">Requests a second when measuring begins, and before.</param>
/// <param name="ToPerS">Requests a second when it ends; the rate grows or falls evenly.</param>
/// <param name="Spacing">Their spacing.</param>
public sealed record OpenLoop(double FromPerS, double ToPerS, ArrivalSpacing Spacing = ArrivalSpacing.Constant)
{
    /// <summary>A constant rate.</summary>
    public static OpenLoop At(double perSecond, ArrivalSpacing spacing = ArrivalSpacing.Constant) => new(perSecond, perSecond, spacing);
}
