using FleetBank;
using Multiplex.Rpc.Redis;
using StackExchange.Redis;

// fleetbank REDIS ENDPOINT: one server of the bank, such as fleetbank 127.0.0.1:6379 tcp://127.0.0.1:4000. Start several, with HAProxy in front of them.
using ConnectionMultiplexer redis = await ConnectionMultiplexer.ConnectAsync(args[0]);
await using RedisReplyStore store = await RedisReplyStore.UseAsync(redis);

await using RpcServer server = await RpcServer.StartAsync(
    options =>
    {
        options.Listen(args[1]).ReplyStore = store;
        options.OnFailure = failure => Console.Error.WriteLine(failure);
    },
    new Branch(redis.GetDatabase()));
Console.WriteLine($"listening {server.Endpoints[0]} model=epoll protocol=fleetbank pid={Environment.ProcessId}");
await server.Completion;
