namespace Multiplex.Load.Workload;

/// <summary>How arrivals follow each other.</summary>
public enum ArrivalSpacing
{
    /// <summary>At equal distances.</summary>
    Constant,

    /// <summary>As if from many independent users: a Poisson process, its distances exponentially distributed.</summary>
    Poisson,
}

/// <summary>
/// An open loop: requests are due at times of their own, whatever the server does. A request that finds no slot free waits, and its
/// latency counts from when it was due.
/// </summary>
/// <param name="FromPerS">Requests a second when measuring begins, and before.</param>
/// <param name="ToPerS">Requests a second when it ends; the rate grows or falls evenly.</param>
/// <param name="Spacing">How they follow each other.</param>
public sealed record OpenLoop(double FromPerS, double ToPerS, ArrivalSpacing Spacing = ArrivalSpacing.Constant)
{
    /// <summary>One rate all the time.</summary>
    public static OpenLoop At(double perSecond, ArrivalSpacing spacing = ArrivalSpacing.Constant) => new(perSecond, perSecond, spacing);
}
