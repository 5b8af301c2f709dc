using Multiplex.Rpc;
using Multiplex.Rpc.Client;
using Multiplex.Rpc.Server;
using Multiplex.Sockets;

namespace Multiplex.RivalBenchmarks;

/// <summary>The contract of the service.</summary>
[RpcProgram(0x2000_4543)]
public partial interface IEcho
{
    [Procedure(1, Idempotent = true)]
    [return: XdrMaxLength(1 << 20)]
    ValueTask<byte[]> EchoAsync([XdrMaxLength(1 << 20)] byte[] data);
}

/// <summary>How the callers wait.</summary>
internal enum MultiplexCalls
{
    /// <summary>They await, and continue on the thread pool, as with the other libraries.</summary>
    Awaited,

    /// <summary>They await, and continue on the thread that received the reply.</summary>
    AwaitedOnTheLoop,

    /// <summary>Each caller is a thread that blocks.</summary>
    Blocking,
}

/// <summary>ONC RPC by this library, on the model epoll; one client, which has one connection.</summary>
internal sealed class MultiplexRival(MultiplexCalls calls) : Rival
{
    public override string Name => calls switch
    {
        MultiplexCalls.Awaited => "Multiplex, awaited",
        MultiplexCalls.AwaitedOnTheLoop => "Multiplex, awaited on the event loop",
        _ => "Multiplex, threads that block",
    };

    public override async Task Serve()
    {
        await using RpcServer server = await RpcServer.StartAsync(o => o.Listen("tcp://127.0.0.1:0"), new Service()).ConfigureAwait(false);
        SayListening($"{server.Endpoints[0].Host}:{server.Endpoints[0].Port}");
        await server.Completion.ConfigureAwait(false);
    }

    public override async Task<Func<Tally, Task>> Connect(Endpoint server)
    {
        RpcClient client = await RpcClient.ConnectAsync(server, new() { AllowSynchronousContinuations = calls == MultiplexCalls.AwaitedOnTheLoop }).ConfigureAwait(false);
        return calls == MultiplexCalls.Blocking ? tally => Block(new(client), tally) : tally => Await(client.Create<IEcho>(), tally);
    }

    private static async Task Await(IEcho echo, Tally tally)
    {
        while (!tally.IsOver)
        {
            Check((await echo.EchoAsync(Payload).ConfigureAwait(false)).Length);
            tally.Calls++;
        }
    }

    private static Task Block(EchoV1Client echo, Tally tally) => Task.Factory.StartNew(
        () =>
        {
            while (!tally.IsOver)
            {
                Check(echo.Echo(Payload).Length);
                tally.Calls++;
            }
        },
        CancellationToken.None,
        TaskCreationOptions.LongRunning,
        TaskScheduler.Default);

    private sealed class Service : IEcho
    {
        public ValueTask<byte[]> EchoAsync(byte[] data) => new(data);
    }
}
