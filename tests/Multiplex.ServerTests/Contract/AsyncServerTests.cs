using Multiplex.Rpc;
using Multiplex.ServerTests.Harness;
using Multiplex.TestServers;
using NUnit.Framework;

namespace Multiplex.ServerTests.Contract;

/// <summary>A server of contracts: what it refuses, how it reports that, and many async calls at once.</summary>
public class AsyncServerTests
{
    private const int Calls = 10_000;

    [Test]
    public async Task Ten_thousand_calls_wait_at_once_and_all_are_answered()
    {
        using ServerProcess server = ServerProcess.StartProgram(ServerProcess.TestServers, ["waiting", "epoll", ListenForm.Tcp.NewEndpoint()]);
        using RpcClient client = await RpcClient.ConnectAsync(server.Address.Text, new() { Timeout = Eventually.Deadline });
        IWaiting waiting = client.Create<IWaiting>();
        Task<uint>[] calls = [.. Enumerable.Range(0, Calls).Select(_ => waiting.WaitAsync(100).AsTask())];
        Assert.That(await Task.WhenAll(calls), Is.All.EqualTo(100));
    }

    [TestCase("fork")]
    [TestCase("prefork")]
    public async Task A_model_that_forks_refuses_async_procedures(string model)
    {
        NotSupportedException? refused = await Assert.ThrowsAsync<NotSupportedException>(
            () => RpcServer.StartAsync(options => options.Listen("tcp://127.0.0.1:0").UseModel(model), new Waiting()));
        Assert.That(refused!.Message, Does.StartWith("async procedures and a reply store need threads").And.Not.Contain("\n"));
        using ServerProcess server = ServerProcess.LaunchProgram(ServerProcess.TestServers, "waiting", model, "tcp://127.0.0.1:0");
        Assert.That((server.WaitForExit(), server.Output), Is.EqualTo((1, Array.Empty<string>())));
        Assert.That(server.Errors, Is.EqualTo(new[] { $"multiplex: {refused.Message}" }));
    }

    [TestCase("fork")]
    [TestCase("prefork")]
    public async Task A_model_that_forks_refuses_a_reply_store(string model)
    {
        NotSupportedException? refused = await Assert.ThrowsAsync<NotSupportedException>(
            () => RpcServer.StartAsync(options => options.Listen("tcp://127.0.0.1:0").UseModel(model).ReplyStore = new MemoryReplyStore(), new Tally()));
        Assert.That(refused!.Message, Does.StartWith("async procedures and a reply store need threads"));
    }

    [Test]
    public async Task What_cannot_be_served_is_said_in_one_line()
    {
        Assert.That(await RefusedAsync<ArgumentException>(_ => { }, new object()), Is.EqualTo("System.Object implements no RPC contract: have it implement an interface marked [RpcProgram], or one that was made from a .x file (Parameter 'implementation')"));
        Assert.That(await RefusedAsync<ArgumentException>(_ => { }, new Waiting()), Is.EqualTo("the server has no endpoint: call Listen, as in Listen(\"tcp://127.0.0.1:0\")"));
        Assert.That(await RefusedAsync<ArgumentException>(options => options.Listen("tcp://127.0.0.1:0")), Does.StartWith("the server has no program"));
        Assert.That(await RefusedAsync<ArgumentException>(options => options.Listen("tcp://127.0.0.1:0").UseModel("telepathy"), new Waiting()), Does.StartWith("there is no server model 'telepathy': choose one of iterative, "));
        Assert.That(await RefusedAsync<ArgumentException>(options => options.Listen("udp://127.0.0.1:0").UseModel("threads"), new Waiting()), Does.StartWith("threads does not serve udp://127.0.0.1:0; iterative, "));
        Assert.That(await RefusedAsync<FormatException>(options => options.Listen("somewhere"), new Waiting()), Does.StartWith("'somewhere' is not an endpoint"));
    }

    [Test]
    public async Task An_endpoint_that_is_taken_fails_the_start()
    {
        await using WaitingHere here = await WaitingHere.StartAsync("epoll");
        Interop.SyscallException? taken = await Assert.ThrowsAsync<Interop.SyscallException>(
            () => RpcServer.StartAsync(options => options.Listen(here.Server.Endpoints[0]), new Waiting()));
        Assert.That(taken!.Errno, Is.EqualTo(Interop.Libc.EADDRINUSE));
    }

    [Test]
    public async Task Each_call_may_have_an_object_of_its_own_which_is_disposed_of_before_the_reply()
    {
        int made = 0, disposed = 0;
        await using RpcServer server = await RpcServer.StartAsync(options => options.Listen("tcp://127.0.0.1:0").AddProgram<IWaiting>(context =>
        {
            made++;
            return new(new Waiting(), new Scope(() => Interlocked.Increment(ref disposed)));
        }));
        await using RpcClient client = await RpcClient.ConnectAsync(server.Endpoints[0]);
        IWaiting waiting = client.Create<IWaiting>();
        await waiting.GreetAsync("you");
        await waiting.WaitAsync(1);
        waiting.Counts();
        await Assert.CatchAsync<RpcRefusedException>(async () => await waiting.FailAsync(isLate: true, isFault: true));
        Assert.That((made, disposed), Is.EqualTo((4, 4)));
    }

    [Test]
    public async Task An_observer_is_told_how_each_call_begins_and_ends()
    {
        Observer observer = new();
        await using RpcServer server = await RpcServer.StartAsync(
            options =>
            {
                options.Listen("tcp://127.0.0.1:0").Observer = observer;
                options.OnFailure = _ => { };
            },
            new Waiting());
        await using RpcClient client = await RpcClient.ConnectAsync(server.Endpoints[0]);
        IWaiting waiting = client.Create<IWaiting>();
        await waiting.GreetAsync("you");
        await waiting.WaitAsync(1);
        await Assert.CatchAsync<RpcRefusedException>(async () => await waiting.FailAsync(isLate: true, isFault: false));
        Assert.Catch<RpcRefusedException>(() => client.Call(WaitingV1.Greet with { Number = 99 }, (byte)0, WaitingV1Client.WriteNothing));
        observer.IsOn = false;
        await waiting.GreetAsync("you");
        Assert.That(observer.Seen, Is.EqualTo(new[]
        {
            "started Greet", "ended Greet Success ", "started Wait", "ended Wait Success ",
            "started Fail", "ended Fail SystemError as it was asked", "refused WaitingV1 99 ProcedureUnavailable Ok",
        }));
    }

    private static async Task<string> RefusedAsync<T>(Action<RpcServerOptions> configure, params object[] implementations)
        where T : Exception => (await Assert.ThrowsAsync<T>(() => RpcServer.StartAsync(configure, implementations)))!.Message;

    private sealed class Scope(Action dispose) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            dispose();
            await Task.Yield();
        }
    }

    private sealed class Observer : RpcObserver
    {
        private readonly List<string> _seen = [];

        public bool IsOn { get; set; } = true;

        public override bool IsEnabled => IsOn;

        public string[] Seen
        {
            get
            {
                lock (_seen)
                    return [.. _seen];
            }
        }

        public override void Started(RpcContext context) => Add($"started {context.ProcedureName}");

        public override void Ended(RpcContext context, AcceptStatus status, Exception? failure) =>
            Add($"ended {context.ProcedureName} {status} {failure?.Message}");

        public override void Refused(RpcContext context, AcceptStatus? status, AuthenticationStatus why) =>
            Add($"refused {context.ProgramName} {context.Procedure.Number} {status} {why}");

        private void Add(string line)
        {
            lock (_seen)
                _seen.Add(line);
        }
    }
}
