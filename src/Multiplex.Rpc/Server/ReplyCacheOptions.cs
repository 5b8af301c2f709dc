namespace Multiplex.Rpc;

/// <summary>The bounds of what <see cref="RpcProtocol.Replies"/> remembers.</summary>
public sealed record ReplyCacheOptions
{
    /// <summary>
    /// How many replies are kept, 1 to 1,048,576: at least the last so many, and up to 2.3 times as many, for calls fall into
    /// buckets. Memory is taken as they come, not before. When there are more, the caller that has the most loses those that it did not ask for
    /// longest, so that a busy client does not have the replies of others forgotten. A repeat of a forgotten call is run again: keep as many
    /// as clients call in the time for which they repeat. Calls that did not run, as their arguments could not be decoded, take no place.
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
