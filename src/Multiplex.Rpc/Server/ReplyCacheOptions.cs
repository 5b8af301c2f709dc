namespace Multiplex.Rpc;

/// <summary>The bounds of what <see cref="RpcProtocol.Replies"/> remembers.</summary>
public sealed record ReplyCacheOptions
{
    /// <summary>
    /// How many replies are kept at a time, 1 to 1,048,576, rounded up to a multiple of 16. Memory is taken as they come, not before. When there
    /// are more, those that were not asked for longest are forgotten, and a repeat of such a call is run again: keep as many as clients call in the
    /// time for which they repeat. As calls fall into buckets of 16, the first are forgotten when about half of the places are taken.
    /// </summary>
    public int Entries { get; init; } = 32 * 1024;

    /// <summary>How long a reply is kept after it was last sent, as long as there is room; more than zero.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>
    /// The longest reply that is kept, in bytes with its head of 24, at least 24. A call whose reply is longer is still run only once, but a
    /// repeat of it gets SYSTEM_ERR.
    /// </summary>
    public int LongestReply { get; init; } = 408;
}
