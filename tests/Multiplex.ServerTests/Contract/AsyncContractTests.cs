using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using Multiplex.TestServers;
using NUnit.Framework;

namespace Multiplex.ServerTests.Contract;

/// <summary>The contract of async procedures, on every model that does not fork.</summary>
[ModelSource(typeof(Cells), nameof(Cells.ModelsThatAwait))]
public class AsyncContractTests(string model)
{
    private bool IsLoop => Cells.AnswersOnLoops(model);

    [Test]
    public async Task Every_form_of_method_is_answered_on_every_kind_of_endpoint()
    {
        string[] endpoints = [.. Cells.FormsOf(model).DistinctBy(form => form.Kind()).Select(form => form.NewEndpoint())];
        await using WaitingHere here = await WaitingHere.StartAsync(model, endpoints: endpoints);
        foreach ((Endpoint endpoint, int i) in here.Server.Endpoints.Select((endpoint, i) => (endpoint, i)))
        {
            using RpcClient client = await RpcClient.ConnectAsync(endpoint, new() { Timeout = Eventually.Deadline });
            IWaiting waiting = client.Create<IWaiting>();
            uint key = (uint)i;
            Assert.That(await waiting.GreetAsync("world"), Is.EqualTo("Hello, world!"));
            Assert.That(await waiting.WaitAsync(1), Is.EqualTo(1));
            await waiting.ReleaseAsync(key);
            Assert.That(await waiting.HoldAsync(key), Is.EqualTo(i + 1), "how many were held");
            Assert.That(waiting.Reverse([1, 0xFF, 0xFE]), Is.EqualTo(new byte[] { 0xFE, 0xFF, 1 }));
            Assert.That(waiting.Describe(), Does.StartWith($"WaitingV1.Describe 8 None {endpoint.Kind.Prefix()}"));
            await waiting.NoteAsync(1);
            waiting.Forget([1, 2]);
            Eventually.Holds(() => waiting.Counts()[0] == (i + 1) * 3, "one-way calls are run");
        }

        here.AwaitInFlight(0);
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_procedure_that_throws_is_a_refusal_of_the_call(bool isLate)
    {
        List<Exception> failures = [];
        await using WaitingHere here = await WaitingHere.StartAsync(model, options => options.OnFailure = failures.Add);
        IWaiting waiting = await here.CallerAsync();
        RpcRefusedException? fault = await Assert.CatchAsync<RpcRefusedException>(async () => await waiting.FailAsync(isLate, isFault: true));
        RpcRefusedException? failure = await Assert.CatchAsync<RpcRefusedException>(async () => await waiting.FailAsync(isLate, isFault: false));
        Assert.That((fault!.Name, failure!.Name), Is.EqualTo(("GARBAGE_ARGS", "SYSTEM_ERR")));
        Assert.That(failures.Select(one => one.Message), Is.EqualTo(new[] { "as it was asked" }));
        Assert.That(await waiting.GreetAsync("you"), Is.EqualTo("Hello, you!"));
    }

    [Test, SeveralClients]
    public async Task A_call_that_waits_holds_up_no_other()
    {
        await using WaitingHere here = await WaitingHere.StartAsync(model);
        IWaiting held = await here.CallerAsync(), other = IsLoop ? held : await here.CallerAsync();
        Task<uint> call = held.HoldAsync(1);
        here.AwaitInFlight(1);
        Assert.That(await other.GreetAsync("you"), Is.EqualTo("Hello, you!"));
        Assert.That(call.IsCompleted, Is.False);
        await other.ReleaseAsync(1);
        Assert.That(await call, Is.EqualTo(1));
    }

    [Test, SeveralClients]
    public async Task Where_the_order_counts_a_reply_waits_for_those_before_it()
    {
        await using WaitingHere here = await WaitingHere.StartAsync(model, options => options.ReplyOrder = ReplyOrder.Calls);
        IWaiting ordered = await here.CallerAsync(), other = await here.CallerAsync();
        Task<uint> first = ordered.HoldAsync(1);
        here.AwaitInFlight(1);
        Task<uint> second = ordered.HoldAsync(2);
        Task<string> third = ordered.GreetAsync("you").AsTask();
        Task<uint> fourth = ordered.HoldAsync(3), last = ordered.WaitAsync(0).AsTask();
        if (IsLoop)
            Eventually.Holds(() => here.Waiting.Held == 3, "the calls behind it are run");
        await other.ReleaseAsync(3);
        await other.ReleaseAsync(2);
        Assert.That((second.IsCompleted, third.IsCompleted, fourth.IsCompleted, last.IsCompleted), Is.EqualTo((false, false, false, false)));
        await other.ReleaseAsync(1);
        await Task.WhenAll(first, second, third, fourth, last).WaitAsync(Eventually.Deadline);
    }

    [Test]
    public async Task A_client_that_goes_has_its_calls_cancelled()
    {
        foreach (ListenForm form in Cells.FormsOf(model).Where(form => !form.Kind().IsDatagram()).DistinctBy(form => form.Kind()))
        {
            await using WaitingHere here = await WaitingHere.StartAsync(model, endpoints: form.NewEndpoint());
            RpcClient client = await here.ConnectAsync();
            Task<uint> call = client.Create<IWaiting>().HoldAsync(1);
            here.AwaitInFlight(1);
            client.Dispose();
            Eventually.Holds(() => here.Waiting.Cancelled == 1, $"the call over {form} is cancelled");
            here.AwaitInFlight(0);
            Assert.That(here.Count(Counter.CallsCancelled), Is.EqualTo(1));
            await Assert.ThrowsAsync<ObjectDisposedException>(() => call);
            Eventually.Holds(() => here.Count(Counter.Closed) == 1, $"the connection over {form} is closed");
        }
    }

    [Test]
    public async Task A_client_that_gives_a_call_up_and_closes_has_it_cancelled()
    {
        await using WaitingHere here = await WaitingHere.StartAsync(model);
        RpcClient client = await here.ConnectAsync();
        using CancellationTokenSource patience = new();
        Task<uint> call = client.Create<IWaiting>().HoldAsync(1, cancellationToken: patience.Token);
        here.AwaitInFlight(1);
        await patience.CancelAsync();
        await Assert.CatchAsync<OperationCanceledException>(() => call);
        await client.DisposeAsync();
        Eventually.Holds(() => here.Waiting.Cancelled == 1, "the call is cancelled");
    }

    [Test]
    public async Task A_client_that_shuts_down_its_side_gets_its_replies()
    {
        foreach (ListenForm form in Cells.FormsOf(model).Where(form => !form.Kind().IsDatagram()).DistinctBy(form => form.Kind()))
        {
            await using WaitingHere here = await WaitingHere.StartAsync(model, endpoints: form.NewEndpoint());
            using RpcPeer peer = new(new ServerAddress(here.Server.Endpoints[0]));
            foreach (uint xid in (uint[])[1, 2, 3])
                peer.Send(WaitingHere.HoldCall(xid, key: xid));
            here.AwaitInFlight(IsLoop ? 3 : 1);
            peer.Client.EndWriting();
            foreach (uint key in (uint[])[2, 3, 1])
                await here.Waiting.ReleaseAsync(key);
            Assert.That(((uint[])[1, 2, 3]).Select(xid => peer.Finish(xid).Length), Is.All.EqualTo(sizeof(uint)), $"over {form}");
            Assert.That(peer.Client.Socket.Receive(new byte[1]), Is.Zero, "the server closes its side");
            Assert.That((here.Waiting.Cancelled, here.Count(Counter.CallsCancelled)), Is.EqualTo((0, 0)));
        }
    }

    [Test, SeveralClients]
    public async Task A_one_way_call_of_a_client_that_closes_in_order_is_run_to_its_end()
    {
        foreach (ListenForm form in Cells.FormsOf(model).Where(form => !form.Kind().IsDatagram()).DistinctBy(form => form.Kind()))
        {
            await using WaitingHere here = await WaitingHere.StartAsync(model, endpoints: form.NewEndpoint());
            RpcClient client = await here.ConnectAsync();
            await client.Create<IWaiting>().NoteLaterAsync(5, key: 1);
            here.AwaitInFlight(1);
            await client.DisposeAsync();
            IWaiting other = await here.CallerAsync();
            await other.GreetAsync("you");   // by then a loop has seen that the other client is gone
            await here.Waiting.ReleaseAsync(1);
            Eventually.Holds(() => other.Counts()[0] == 5, $"the call over {form} is run to its end");
            Assert.That(here.Count(Counter.CallsCancelled), Is.Zero);
        }
    }

    [Test]
    public async Task A_client_that_is_reset_has_its_calls_cancelled()
    {
        await using WaitingHere here = await WaitingHere.StartAsync(model);
        using RpcPeer peer = new(new ServerAddress(here.Server.Endpoints[0]));
        peer.Send(WaitingHere.HoldCall(1, key: 1));
        here.AwaitInFlight(1);
        peer.Client.Vanish();
        Eventually.Holds(() => here.Waiting.Cancelled == 1, "the call is cancelled");
        Eventually.Holds(() => here.Count(Counter.Closed) == 1, "the connection is closed");
    }

    [Test]
    public async Task A_client_that_has_closed_its_socket_is_seen_to_be_gone_when_a_reply_is_sent()
    {
        await using WaitingHere here = await WaitingHere.StartAsync(model, options => options.ServerOptions = new() { IdleTimeout = TimeSpan.FromSeconds(4) });
        using (RpcPeer peer = new(new ServerAddress(here.Server.Endpoints[0])))
        {
            peer.Send(WaitingHere.HoldCall(1, key: 1));
            peer.Send(WaitingHere.HoldCall(2, key: 2));
            here.AwaitInFlight(IsLoop ? 2 : 1);
        }

        // Where the connection has a thread of its own, the other call begins after the reply, or not at all.
        await here.Waiting.ReleaseAsync(1);
        Eventually.Holds(() => here.Count(Counter.Closed) == 1, "the connection is closed");
        Eventually.Holds(() => here.Waiting.Cancelled == here.Waiting.Held - 1, "the other call is cancelled");
    }

    [Test]
    public async Task A_client_that_has_closed_its_socket_is_seen_to_be_gone_by_the_probes_of_the_kernel()
    {
        const int Tcp = 6, Linger2 = 8;   // IPPROTO_TCP, TCP_LINGER2: how long its kernel keeps the half-closed connection
        await using WaitingHere here = await WaitingHere.StartAsync(model, options =>
        {
            options.KeepAlive = TimeSpan.FromSeconds(1);
            options.ServerOptions = new() { IdleTimeout = TimeSpan.FromSeconds(4) };
        });
        using (RpcPeer peer = new(new ServerAddress(here.Server.Endpoints[0])))
        {
            peer.Client.Socket.SetRawSocketOption(Tcp, Linger2, BitConverter.GetBytes(1));
            peer.Send(WaitingHere.HoldCall(1, key: 1));
            here.AwaitInFlight(1);
        }

        Eventually.Holds(() => here.Waiting.Cancelled == 1, "the call is cancelled");
        Eventually.Holds(() => here.Count(Counter.Closed) == 1, "the connection is closed");
    }

    [Test]
    public async Task A_stop_waits_for_calls()
    {
        await using WaitingHere here = await WaitingHere.StartAsync(model);
        IWaiting waiting = await here.CallerAsync();
        Task<uint> call = waiting.HoldAsync(1);
        here.AwaitInFlight(1);
        Task stop = here.Server.StopAsync();
        Eventually.Holds(() => here.Count(Counter.Stopping) != 0 || !TakesConnections(here.Server.Endpoints[0]), "the server takes no more connections");
        Assert.That(stop.IsCompleted, Is.False);
        await here.Waiting.ReleaseAsync(1);
        Assert.That(await call, Is.EqualTo(1));
        await stop.WaitAsync(Eventually.Deadline);
        Assert.That((here.Waiting.Cancelled, here.Server.Completion.IsCompletedSuccessfully), Is.EqualTo((0, true)));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_stop_cancels_calls_when_its_time_is_over_or_it_is_hastened(bool isHastened)
    {
        await using WaitingHere here = await WaitingHere.StartAsync(
            model, options => options.ServerOptions = new() { DrainTime = isHastened ? TimeSpan.FromHours(1) : TimeSpan.FromMilliseconds(100) });
        IWaiting waiting = await here.CallerAsync();
        Task<uint> call = waiting.HoldAsync(1);
        here.AwaitInFlight(1);
        using CancellationTokenSource haste = new();
        if (isHastened)
            await haste.CancelAsync();
        await here.Server.StopAsync(haste.Token).WaitAsync(Eventually.Deadline);
        Eventually.Holds(() => here.Waiting.Cancelled == 1, "the call is cancelled");
        await Assert.CatchAsync<RpcException>(() => call);
    }

    [Test]
    public async Task A_call_whose_time_is_over_is_cancelled()
    {
        await using WaitingHere here = await WaitingHere.StartAsync(model, options => options.CallTimeout = TimeSpan.FromMilliseconds(50));
        IWaiting waiting = await here.CallerAsync();
        RpcRefusedException? refused = await Assert.CatchAsync<RpcRefusedException>(() => waiting.HoldAsync(1));
        Assert.That(refused!.Name, Is.EqualTo("SYSTEM_ERR"));
        Assert.That((here.Waiting.Cancelled, here.Count(Counter.CallsCancelled)), Is.EqualTo((1, 1)));
    }

    [Test]
    public async Task A_repeat_during_a_call_is_dropped_and_one_after_it_gets_the_reply()
    {
        await using WaitingHere here = await WaitingHere.StartAsync(model);
        using TestClient client = new(new ServerAddress(here.Server.Endpoints[0]));
        byte[] call = WaitingHere.HoldCall(77, key: 1);
        client.Send(RpcWire.Record(call));
        here.AwaitInFlight(1);
        client.Send(RpcWire.Record(call));
        if (IsLoop)
            Eventually.Holds(() => here.Count(Counter.ReplyCacheDrops) == 1, "the repeat is dropped");
        await here.Waiting.ReleaseAsync(1);
        byte[] reply = client.Receive(32);
        Assert.That(reply[^4..], Is.EqualTo(RpcWire.UInt(1)));
        if (IsLoop)
            client.Send(RpcWire.Record(call));
        Assert.That(client.Receive(32), Is.EqualTo(reply));
        Assert.That((here.Waiting.Held, here.Count(Counter.ReplyCacheHits)), Is.EqualTo((1, 1)));
    }

    [Test, CallsTogether]
    public async Task So_many_calls_of_a_connection_are_in_flight_and_the_others_have_their_turn()
    {
        await using WaitingHere here = await WaitingHere.StartAsync(
            model, options => options.ServerOptions = new() { MaxAsyncCallsPerConnection = 3, MaxCallsInProgress = 3, Workers = 4 });
        IWaiting waiting = await here.CallerAsync(), other = await here.CallerAsync();
        Task<uint>[] calls = [.. Enumerable.Range(0, 20).Select(_ => waiting.HoldAsync(1))];
        here.AwaitInFlight(3);
        Task<uint> one = other.HoldAsync(1);
        here.AwaitInFlight(4);
        Assert.That(here.Waiting.Held, Is.EqualTo(4));
        await other.ReleaseAsync(1);
        await Task.WhenAll([.. calls, one]).WaitAsync(Eventually.Deadline);
        Assert.That(here.Waiting.Held, Is.EqualTo(21));
        if (!Cells.RunsCallsTogether(model))
            Assert.That(here.Count(Counter.CallsInFlightFull), Is.Positive);
    }

    [Test, CallsTogether]
    public async Task A_client_that_goes_while_it_is_not_received_from_has_its_calls_cancelled()
    {
        await using WaitingHere here = await WaitingHere.StartAsync(
            model, options => options.ServerOptions = new() { MaxAsyncCallsPerConnection = 1, MaxCallsInProgress = 1, IdleTimeout = TimeSpan.FromSeconds(4) });
        RpcClient client = await here.ConnectAsync();
        IWaiting waiting = client.Create<IWaiting>();
        Task<uint>[] calls = [waiting.HoldAsync(1), waiting.HoldAsync(2)];
        here.AwaitInFlight(1);
        if (!Cells.RunsCallsTogether(model))
            Eventually.Holds(() => here.Count(Counter.CallsInFlightFull) == 1, "the second call waits for the first");
        client.Dispose();
        Eventually.Holds(() => here.Waiting.Cancelled >= 1, "the call is cancelled");
        await Assert.ThatAsync(() => Task.WhenAll(calls), Throws.InstanceOf<ObjectDisposedException>());
        Eventually.Holds(() => here.Count(Counter.Closed) == here.Count(Counter.Accepted), "the connection is closed");
    }

    [Test, CallsTogether]
    public async Task So_many_calls_of_all_connections_are_in_flight_and_each_connection_has_one_in_any_case()
    {
        await using WaitingHere here = await WaitingHere.StartAsync(
            model, options => options.ServerOptions = new() { MaxAsyncCalls = 3, Workers = 16 });
        IWaiting first = await here.CallerAsync(), second = await here.CallerAsync();
        Task<uint>[] calls = [.. Enumerable.Range(0, 20).Select(_ => first.HoldAsync(1))];
        Eventually.Holds(() => here.Waiting.Held >= 3, "calls are held");
        Task<uint>[] others = [.. Enumerable.Range(0, 20).Select(_ => second.HoldAsync(1))];
        Eventually.Holds(() => here.Waiting.Held >= 4, "a call of the other connection is held");
        if (!Cells.RunsCallsTogether(model))   // its workers may have begun with some when the limit is reached
            Assert.That(here.Waiting.Held, Is.EqualTo(4));
        await here.Waiting.ReleaseAsync(1);
        await Task.WhenAll([.. calls, .. others]).WaitAsync(Eventually.Deadline);
        Assert.That(here.Waiting.Held, Is.EqualTo(40));
    }

    [Test]
    public async Task A_server_in_a_process_of_its_own_serves_them_and_ends_by_a_signal()
    {
        using ServerProcess server = ServerProcess.StartProgram(ServerProcess.TestServers, ["waiting", model, ListenForm.Tcp.NewEndpoint()]);
        using (RpcClient client = await RpcClient.ConnectAsync(server.Address.Text, new() { Timeout = Eventually.Deadline }))
        {
            IWaiting waiting = client.Create<IWaiting>();
            uint[] ends = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => waiting.WaitAsync((uint)i % 5).AsTask()));
            Assert.That(ends, Is.EqualTo(Enumerable.Range(0, 50).Select(i => (uint)i % 5)));
        }

        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.CallsInFlight), Is.Zero);
    }

    private static bool TakesConnections(Endpoint endpoint) => new ServerAddress(endpoint).TakesConnections();
}
