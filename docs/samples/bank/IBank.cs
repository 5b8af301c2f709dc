namespace Bank;

/// <summary>
/// The contract. To transfer money twice is not to transfer it once, so TransferAsync is not idempotent: the server remembers its reply, and a call that is
/// sent again, as its reply was lost, gets that reply and moves nothing.
/// </summary>
[RpcProgram(0x20004800, Version = 1)]
public partial interface IBank
{
    [Procedure(1)]
    ValueTask<Receipt> TransferAsync([XdrMaxLength(32)] string from, [XdrMaxLength(32)] string to, long cents, CancellationToken cancellationToken = default);

    [Procedure(2, Idempotent = true)]
    ValueTask<long> BalanceAsync([XdrMaxLength(32)] string account, CancellationToken cancellationToken = default);
}

/// <summary>How a transfer ended, and what the payer has left.</summary>
[XdrStruct]
public sealed partial class Receipt
{
    public TransferStatus Status { get; set; }

    public long Left { get; set; }
}

public enum TransferStatus
{
    Done,
    NoSuchAccount,
    TooLittle,
}
