using Bank;
using Microsoft.Data.Sqlite;
using Multiplex.Rpc.Messages;

// hybrid: SQLite blocks the thread that calls it, so workers run the procedures and the loop goes on.
string file = Path.GetTempFileName(), database = $"Data Source={file}";
Ledger.Create(database, ("alice", 100_00), ("bob", 0));

HostApplicationBuilder builder = Host.CreateApplicationBuilder(args);
builder.Logging.SetMinimumLevel(LogLevel.Warning);
builder.Services.AddScoped(_ => new SqliteConnection(database));
builder.Services.AddRpcServer(o => o.Listen("unix:@multiplex-bank").UseModel("hybrid")).AddProgram<IBank, Ledger>();

// The credential tells the server that a client is the same one on another connection: a transfer whose connection broke is sent again, and acts once.
builder.Services.AddRpcClient<IBank>("unix:@multiplex-bank", client => client.Options = new() { Authentication = RpcAuthentication.Sys(), ServerKeepsReplies = true });
using IHost host = builder.Build();
await host.StartAsync();

IBank bank = host.Services.GetRequiredService<IBank>();
Receipt[] receipts = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => bank.TransferAsync("alice", "bob", 6_00).AsTask()));
Console.WriteLine($"{receipts.Count(one => one.Status == TransferStatus.Done)} transfers of 6.00 done, {receipts.Count(one => one.Status == TransferStatus.TooLittle)} refused");
Console.WriteLine($"alice {await bank.BalanceAsync("alice") / 100m:0.00}, bob {await bank.BalanceAsync("bob") / 100m:0.00}");
Console.WriteLine($"to carol: {(await bank.TransferAsync("alice", "carol", 1)).Status}");

await host.StopAsync();
SqliteConnection.ClearAllPools();
File.Delete(file);
