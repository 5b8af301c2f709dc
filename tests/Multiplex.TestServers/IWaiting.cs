using Multiplex.Rpc;

namespace Multiplex.TestServers;

/// <summary>A contract with every form that a method may have, and calls that a test can hold in flight.</summary>
[RpcProgram(0x2000_4546)]
public partial interface IWaiting
{
    /// <summary>Ends at once.</summary>
    [Procedure(1, Idempotent = true)]
    [return: XdrMaxLength(64)]
    ValueTask<string> GreetAsync([XdrMaxLength(32)] string name, CancellationToken cancellationToken = default);

    /// <summary>Ends after so many milliseconds.</summary>
    [Procedure(2, Idempotent = true)]
    ValueTask<uint> WaitAsync(uint milliseconds, CancellationToken cancellationToken = default);

    /// <summary>Counts, and ends when the key is released, or the call cancelled. It must not be run twice.</summary>
    [Procedure(3)]
    Task<uint> HoldAsync(uint key, RpcContext? context = null, CancellationToken cancellationToken = default);

    /// <summary>Releases a key, once for all calls.</summary>
    [Procedure(4)]
    Task ReleaseAsync(uint key);

    /// <summary>Has no reply.</summary>
    [Procedure(5, OneWay = true)]
    ValueTask NoteAsync(uint amount);

    /// <summary>The sum of what was noted, how many calls were held, and how many of them cancelled.</summary>
    [Procedure(6, Idempotent = true)]
    [return: XdrMaxLength(3)]
    uint[] Counts();

    /// <summary>Throws, at once or later.</summary>
    [Procedure(7, Idempotent = true)]
    ValueTask FailAsync(bool isLate, bool isFault);

    /// <summary>What the server can read of the call.</summary>
    [Procedure(8, Idempotent = true)]
    [return: XdrMaxLength(200)]
    string Describe(RpcContext? context = null);

    /// <summary>Bytes of a string that need not be UTF-8.</summary>
    [Procedure(9, Idempotent = true, Quick = true)]
    [return: XdrBytes, XdrMaxLength(255)]
    byte[] Reverse([XdrBytes, XdrMaxLength(255)] byte[] name, CancellationToken cancellationToken = default);

    /// <summary>Has no reply, and does not end by itself.</summary>
    [Procedure(10, OneWay = true)]
    void Forget([XdrMaxLength(16)] ReadOnlySpan<byte> bytes);

    /// <summary>Has no reply, and ends when the key is released, or the call cancelled: only then is the amount noted.</summary>
    [Procedure(11, OneWay = true)]
    ValueTask NoteLaterAsync(uint amount, uint key, CancellationToken cancellationToken = default);
}
