using Multiplex.Rpc.Redis;
using StackExchange.Redis;

namespace FleetBank;

/// <summary>One of the servers. The accounts are in Redis, as keys "account:NUMBER", and so is the list "transfers", with the reference of each.</summary>
internal sealed class Branch(IDatabase database) : IFleetBank
{
    public async ValueTask<Receipt> TransferAsync(uint from, uint to, long cents, string reference, RpcContext? context)
    {
        while (true)
        {
            RedisValue balance = await database.StringGetAsync(Account(from)).ConfigureAwait(false);
            if ((long)balance < cents || cents <= 0)
                return new() { Status = TransferStatus.TooLittle, Left = (long)balance };   // it has no effect, so no transaction
            Receipt receipt = new() { Left = (long)balance - cents };

            ITransaction transaction = database.CreateTransaction();
            transaction.AddCondition(Condition.StringEqual(Account(from), balance));
            _ = transaction.StringDecrementAsync(Account(from), cents);
            _ = transaction.StringIncrementAsync(Account(to), cents);
            _ = transaction.ListRightPushAsync("transfers", reference);
            RecordedReply recorded = context!.RecordIn(transaction, receipt);
            if (await transaction.ExecuteAsync().ConfigureAwait(false))
                return receipt;
            recorded.ThrowIfLost();   // else another transfer came between
        }
    }

    public async ValueTask<long> BalanceAsync(uint account) => (long)await database.StringGetAsync(Account(account)).ConfigureAwait(false);

    private static string Account(uint number) => $"account:{number}";
}
