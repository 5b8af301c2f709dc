using Microsoft.Data.Sqlite;

namespace Bank;

/// <summary>The accounts, in SQLite. Scoped: each call has a connection of its own, from the pool, and gives it back when its procedure has ended.</summary>
internal sealed class Ledger(SqliteConnection database) : IBank
{
    public async ValueTask<Receipt> TransferAsync(string from, string to, long cents, CancellationToken cancellationToken)
    {
        if (cents <= 0)
            throw new RpcFault(Multiplex.Rpc.Messages.AcceptStatus.GarbageArguments);   // the caller's mistake, not the bank's failure
        await database.OpenAsync(cancellationToken).ConfigureAwait(false);

        // BEGIN IMMEDIATE: two transfers do not read the same balance.
        await using SqliteTransaction transaction = database.BeginTransaction(deferred: false);
        if (await Find(from, cancellationToken).ConfigureAwait(false) is not { } balance || await Find(to, cancellationToken).ConfigureAwait(false) is null)
            return new() { Status = TransferStatus.NoSuchAccount };
        if (balance < cents)
            return new() { Status = TransferStatus.TooLittle, Left = balance };
        await Add(from, -cents, cancellationToken).ConfigureAwait(false);
        await Add(to, cents, cancellationToken).ConfigureAwait(false);
        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
        return new() { Left = balance - cents };
    }

    public async ValueTask<long> BalanceAsync(string account, CancellationToken cancellationToken)
    {
        await database.OpenAsync(cancellationToken).ConfigureAwait(false);
        return await Find(account, cancellationToken).ConfigureAwait(false) ?? -1;
    }

    /// <summary>Makes the table and its accounts.</summary>
    public static void Create(string connection, params IEnumerable<(string Name, long Cents)> accounts)
    {
        using SqliteConnection database = new(connection);
        database.Open();
        using SqliteCommand command = database.CreateCommand();
        command.CommandText = "CREATE TABLE account (name TEXT PRIMARY KEY, cents INTEGER NOT NULL CHECK (cents >= 0))";
        command.ExecuteNonQuery();
        command.CommandText = "INSERT INTO account VALUES ($name, $cents)";
        foreach ((string name, long cents) in accounts)
        {
            command.Parameters.Clear();
            command.Parameters.AddWithValue("$name", name);
            command.Parameters.AddWithValue("$cents", cents);
            command.ExecuteNonQuery();
        }
    }

    private async Task<long?> Find(string account, CancellationToken cancellationToken)
    {
        await using SqliteCommand command = database.CreateCommand();
        command.CommandText = "SELECT cents FROM account WHERE name = $name";
        command.Parameters.AddWithValue("$name", account);
        return (long?)await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task Add(string account, long cents, CancellationToken cancellationToken)
    {
        await using SqliteCommand command = database.CreateCommand();
        command.CommandText = "UPDATE account SET cents = cents + $cents WHERE name = $name";
        command.Parameters.AddWithValue("$name", account);
        command.Parameters.AddWithValue("$cents", cents);
        await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }
}
