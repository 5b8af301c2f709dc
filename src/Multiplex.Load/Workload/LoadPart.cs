namespace Multiplex.Load.Workload;

/// <summary>
/// A part of a load that several generators make together, each on a machine of its own. They share its connections, its requests and its rate; in an open loop
/// each takes every <paramref name="Count"/>-th request of one schedule.
/// </summary>
/// <param name="Index">Which part: 0 is the first.</param>
/// <param name="Count">How many parts there are: at least 1.</param>
public sealed record LoadPart(int Index, int Count)
{
    /// <summary>The load of one generator alone.</summary>
    public static readonly LoadPart Whole = new(0, 1);

    /// <summary>This part of a number that is divided as evenly as it can be; all parts add up to it.</summary>
    public int ShareOf(int all) => (all / Count) + (Index < all % Count ? 1 : 0);
}
