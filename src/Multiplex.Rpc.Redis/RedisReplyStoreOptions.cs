namespace Multiplex.Rpc.Redis;

/// <summary>How long Redis keeps replies, and under which names. The servers of a fleet must have the same.</summary>
public sealed record RedisReplyStoreOptions
{
    /// <summary>What all keys begin with: "multiplex:".</summary>
    public string Prefix { get; init; } = "multiplex:";

    /// <summary>How long a reply is kept after it was recorded, from 1 second on: longer than clients repeat their calls. 2 minutes.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>
    /// How long a server may be silent before its calls in progress are taken for those of a dead server, from 1 second to <see cref="Time"/>. A repeat of such a call gets SYSTEM_ERR, or of a transactional
    /// procedure is run by the server that it came to. 3 seconds.
    /// </summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>The longest reply that is recorded, in bytes, at least 24. A repeat of a call whose reply is longer gets SYSTEM_ERR. 64 KiB.</summary>
    public int LongestReply { get; init; } = 64 * 1024;

    /// <summary>The number of the database; -1 for the one that the connection names, which is 0 unless it says another.</summary>
    public int Database { get; init; } = -1;

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Lease, TimeSpan.FromSeconds(1), nameof(Lease));
        ArgumentOutOfRangeException.ThrowIfLessThan(Time, Lease, nameof(Time));
        ArgumentOutOfRangeException.ThrowIfLessThan(LongestReply, 24, nameof(LongestReply));
    }
}
