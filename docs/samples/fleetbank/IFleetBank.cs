namespace FleetBank;

/// <summary>
/// The contract. TransferAsync is transactional: all that it does, and the record of its reply, is one transaction. So a transfer takes place exactly once, whichever of the servers dies on the way.
/// </summary>
[RpcProgram(0x20004801, Version = 1)]
public partial interface IFleetBank
{
    [Procedure(1, Transactional = true)]
    ValueTask<Receipt> TransferAsync(uint from, uint to, long cents, [XdrMaxLength(64)] string reference, RpcContext? context = null);

    [Procedure(2, Idempotent = true)]
    ValueTask<long> BalanceAsync(uint account);
}

/// <summary>How a transfer ended, and what the payer had left.</summary>
[XdrStruct]
public sealed partial class Receipt
{
    public TransferStatus Status { get; set; }

    public long Left { get; set; }
}

public enum TransferStatus
{
    Done,
    TooLittle,
}
