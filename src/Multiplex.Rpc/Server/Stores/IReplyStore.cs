namespace Multiplex.Rpc.Server.Stores;

/// <summary>
/// Remembers calls that must not be run twice, with their replies, for all servers that share it: a client that repeats its call to another server gets the
/// first reply. A call is claimed before it is run, and its reply is recorded before it is sent: so it is run at most once. See <see cref="RpcProtocol.ReplyStore"/>.
/// </summary>
/// <remarks>
/// Any thread may use it. Each method ends within a time that the store bounds. If the store cannot be reached, it throws a <see cref="ReplyStoreException"/>, and itself sees to it
/// that a claim which it may have made, or a reply which it may not have recorded, does not stay undecided.
/// </remarks>
public interface IReplyStore
{
    /// <summary>Claims a call, unless it was claimed before.</summary>
    /// <param name="call">The call.</param>
    /// <param name="isTransactional">
    /// Whether its effect and its reply are recorded in one transaction: <see cref="ProcedureEntry.IsTransactional"/>. A claim whose server has died had no effect then, and
    /// another server gets it.
    /// </param>
    /// <exception cref="ReplyStoreException">The store cannot be reached: the call is not run.</exception>
    ValueTask<ClaimResult> ClaimAsync(CallIdentity call, bool isTransactional);
}

/// <summary>The claim of one call by one server. One of the methods is called, once.</summary>
public interface IReplyClaim
{
    /// <summary>The call was run: records its reply, if the claim still stands.</summary>
    /// <param name="reply">The reply's message, without record marking; empty for none. It must not be used after the task has ended.</param>
    /// <exception cref="ReplyStoreException">The store cannot be reached. It records the reply later, if it can.</exception>
    ValueTask<SettleResult> RecordAsync(ReadOnlyMemory<byte> reply);

    /// <summary>The call was not run, or has had no effect: gives the claim up, if it still stands. A repeat is run.</summary>
    /// <exception cref="ReplyStoreException">The store cannot be reached. It gives the claim up later, if it can.</exception>
    ValueTask<SettleResult> ReleaseAsync();
}

/// <summary>What <see cref="IReplyStore.ClaimAsync"/> found.</summary>
/// <param name="State">How far the call is.</param>
/// <param name="Claim">Of a new call, the claim; else null.</param>
/// <param name="Reply">Of an answered call, the reply, as it was recorded; else empty.</param>
public readonly record struct ClaimResult(ClaimState State, IReplyClaim? Claim = null, ReadOnlyMemory<byte> Reply = default);

/// <summary>How far a call is that is to be claimed.</summary>
public enum ClaimState
{
    /// <summary>It is new, and now claimed: it is to be run.</summary>
    New,

    /// <summary>A server is running it: the repeat gets no reply, and the client repeats it again.</summary>
    InProgress,

    /// <summary>It was answered: the repeat gets the same reply.</summary>
    Answered,

    /// <summary>Its server has died, and it is not known whether it took effect: the repeat gets SYSTEM_ERR. It is never run again.</summary>
    Unknown,
}

/// <summary>What became of a claim.</summary>
/// <param name="State">What.</param>
/// <param name="Reply">The reply that is recorded, if it was recorded earlier; else empty.</param>
public readonly record struct SettleResult(SettleState State, ReadOnlyMemory<byte> Reply = default);

/// <summary>What became of a claim that was to be settled.</summary>
public enum SettleState
{
    /// <summary>The reply is recorded, or the claim given up, as was asked.</summary>
    Done,

    /// <summary>A reply had been recorded already, as by the transaction of the call's effect: that one is sent.</summary>
    Answered,

    /// <summary>The claim did not stand any more: this server was taken for dead.</summary>
    Lost,
}

/// <summary>A store of replies cannot be reached, or does not answer in time.</summary>
public class ReplyStoreException : IOException
{
    /// <summary>Without more being known.</summary>
    public ReplyStoreException()
    {
    }

    /// <summary>With what happened.</summary>
    public ReplyStoreException(string message)
        : base(message)
    {
    }

    /// <summary>With what happened, and why.</summary>
    public ReplyStoreException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>
/// The claim of a call did not stand any more when its reply was to be recorded with its effect, so neither was: another server has the call. Thrown by a procedure, it is not
/// reported as a failure of it.
/// </summary>
public class ClaimLostException : ReplyStoreException
{
    /// <summary>Without more being known.</summary>
    public ClaimLostException()
        : base("the claim of the call does not stand any more: another server has the call")
    {
    }

    /// <summary>With what happened.</summary>
    public ClaimLostException(string message)
        : base(message)
    {
    }

    /// <summary>With what happened, and why.</summary>
    public ClaimLostException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
