using Multiplex.Rpc.Server.Stores;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;

namespace Multiplex.Tests.Rpc.Server.Stores;

/// <summary>Calls that are not idempotent, on servers that share a store: each is run once, whichever server it comes to.</summary>
[TestFixture(Form.Record)]
[TestFixture(Form.Fragments)]
[TestFixture(Form.Datagram)]
public class StoredCallTests(Form form) : ReplyCacheFixture(form)
{
    private static readonly byte[] s_elsewhere = [2, 0, 0, 7, 10, 9, 9, 9, .. new byte[8]];   // 10.9.9.9:7

    private readonly Form _form = form;
    private readonly List<RpcProtocol> _servers = [];
    private MemoryReplyStore _store = null!;
    private Func<AcceptStatus> _procedure = null!;
    private int _calls;

    private Peer Here => _form == Form.Datagram ? From(Address) : On(1);

    [SetUp]
    public void Make_the_store()
    {
        _calls = 0;
        _store = new();
        _procedure = () => AcceptStatus.Success;
    }

    [TearDown]
    public void Dispose_of_the_servers()
    {
        _servers.ForEach(server => server.Dispose());
        _servers.Clear();
    }

    [Test]
    public async Task A_repeat_to_another_server_gets_the_first_reply()
    {
        RpcProtocol one = Server(), other = Server();
        Assert.That(await Ask(one, CallAs(1), Here), Is.EqualTo(Ran(1, 1)));
        Assert.That(await Ask(other, CallAs(1), Here), Is.EqualTo(Ran(1, 1)));
        Assert.That(await Ask(one, CallAs(1), Here), Is.EqualTo(Ran(1, 1)));
        Assert.That(await Ask(other, CallAs(2), Here), Is.EqualTo(Ran(2, 2)), "another call");
        Assert.That((Counters[Counter.StoreClaims], Counters[Counter.StoreHits], Counters[Counter.Calls]), Is.EqualTo((2, 2, 2)));
    }

    [Test]
    public async Task A_client_is_known_again_by_its_credential_alone_and_by_all_of_it()
    {
        RpcProtocol server = Server();
        await Ask(server, CallAs(1), Here);
        Assert.That(await Ask(server, CallAs(1), new Peer(Here.Kind, s_elsewhere, connection: 99)), Is.EqualTo(Ran(1, 1)), "from another address");
        Assert.That(await Ask(server, CallAs(1), new Peer(_form == Form.Datagram ? EndpointKind.UnixGram : EndpointKind.Unix, [1, 0], connection: 5)), Is.EqualTo(Ran(1, 1)), "by another kind of socket");
        Assert.That(await Ask(server, CallAs(1, stamp: 0x8000_004E), Here), Is.EqualTo(Ran(1, 2)), "another stamp");
        Assert.That(await Ask(server, CallAs(1, machine: "most"), Here), Is.EqualTo(Ran(1, 3)), "another machine");
        Assert.That(await Ask(server, CallAs(1, uid: 1001), Here), Is.EqualTo(Ran(1, 4)), "another user");
        Assert.That(await Ask(server, [.. CallAs(1), .. Words(0)], Here), Is.EqualTo(Ran(1, 5)), "other arguments");
        Assert.That(_store.Calls, Has.Count.EqualTo(5));
    }

    [Test]
    public async Task A_client_that_would_not_be_known_again_has_the_servers_own_memory()
    {
        RpcProtocol server = Server();
        Assert.That(await Ask(server, Call(1), Here), Is.EqualTo(Ran(1, 1)), "AUTH_NONE");
        Assert.That(await Ask(server, Call(1), Here), Is.EqualTo(Ran(1, 1)));
        Assert.That(await Ask(server, CallAs(1, stamp: 42), Here), Is.EqualTo(Ran(1, 1)), "a stamp that many have");
        Assert.That(_store.Calls, Is.Empty);
        Assert.That(Counters[Counter.StoreBypasses], Is.EqualTo(3));
    }

    [Test]
    public async Task A_repeat_of_a_call_in_progress_gets_no_reply()
    {
        using ManualResetEventSlim running = new(), end = new();
        _procedure = () =>
        {
            running.Set();
            end.Wait(Eventually.Deadline);
            return AcceptStatus.Success;
        };
        RpcProtocol one = Server(), other = Server();
        Task<byte[]> first = Ask(one, CallAs(1), Here);
        Assert.That(running.Wait(Eventually.Deadline), Is.True);
        Assert.That(await Ask(other, CallAs(1), Here), Is.Empty);
        end.Set();
        Assert.That(await first, Is.EqualTo(Ran(1, 1)));
        Assert.That(await Ask(other, CallAs(1), Here), Is.EqualTo(Ran(1, 1)));
        Assert.That(Counters[Counter.StoreDrops], Is.EqualTo(1));
    }

    [Test]
    public async Task A_call_whose_server_has_died_is_never_run_again()
    {
        Assert.That((await _store.ClaimAsync(Identity(CallAs(1)), isTransactional: false)).State, Is.EqualTo(ClaimState.New));
        _store.LoseServers();
        RpcProtocol server = Server();
        Assert.That(await Ask(server, CallAs(1), Here), Is.EqualTo(Failed(1)));
        Assert.That(await Ask(server, CallAs(1), Here), Is.EqualTo(Failed(1)));
        Assert.That((_calls, Counters[Counter.StoreUnknown]), Is.EqualTo((0, 2L)));
    }

    [Test]
    public async Task A_transactional_call_whose_server_has_died_is_run_by_another()
    {
        await _store.ClaimAsync(Identity(CallAs(1)), isTransactional: true);
        _store.LoseServers();
        RpcProtocol server = Server(isTransactional: true);
        Assert.That(await Ask(server, CallAs(1), Here), Is.EqualTo(Ran(1, 1)));
        Assert.That(await Ask(server, CallAs(1), Here), Is.EqualTo(Ran(1, 1)));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_server_that_was_taken_for_dead_answers_unless_another_has_the_call(bool isTransactional)
    {
        _procedure = () =>
        {
            _store.LoseServers();
            return AcceptStatus.Success;
        };
        Assert.That(await Ask(Server(isTransactional), CallAs(1), Here), isTransactional ? Is.Empty : Is.EqualTo(Ran(1, 1)));
        Assert.That(Counters[Counter.StoreLosses], Is.EqualTo(1));
    }

    [Test]
    public async Task While_the_store_cannot_be_reached_calls_are_refused_before_they_run()
    {
        RpcProtocol server = Server();
        _store.IsDown = true;
        Assert.That(await Ask(server, CallAs(1), Here), Is.EqualTo(Failed(1)));
        Assert.That((_calls, Counters[Counter.StoreFailures]), Is.EqualTo((0, 1L)));
        _store.IsDown = false;
        Assert.That(await Ask(server, CallAs(1), Here), Is.EqualTo(Ran(1, 1)));
    }

    [Test]
    public async Task A_reply_that_cannot_be_recorded_is_sent()
    {
        RpcProtocol server = Server();
        _procedure = () =>
        {
            _store.IsDown = true;
            return AcceptStatus.Success;
        };
        Assert.That(await Ask(server, CallAs(1), Here), Is.EqualTo(Ran(1, 1)));
        Assert.That(Counters[Counter.StoreFailures], Is.EqualTo(1));
    }

    [TestCase(AcceptStatus.GarbageArguments, false, ExpectedResult = 2)]
    [TestCase(AcceptStatus.SystemError, false, ExpectedResult = 1)]
    [TestCase(AcceptStatus.SystemError, true, ExpectedResult = 2)]
    public async Task<int> A_call_that_had_no_effect_is_run_when_it_is_repeated(AcceptStatus status, bool isTransactional)
    {
        RpcProtocol server = Server(isTransactional);
        _procedure = () => throw new RpcFault(status);
        byte[] refused = Words(1, 1, 0, 0, 0, (uint)status);
        Assert.That(await Ask(server, CallAs(1), Here), Is.EqualTo(refused));
        Assert.That(await Ask(server, CallAs(1), Here), Is.EqualTo(refused));
        return _calls;
    }

    [Test]
    public async Task A_call_that_is_cancelled_before_it_is_claimed_is_not_run()
    {
        TaskCompletionSource gate = new();
        _store = new() { Gate = gate.Task };
        RpcProtocol server = Server();
        Task<byte[]> answer = Ask(server, CallAs(1), Here, out LateReply late);
        late.Cancel(hasEnded: true);
        gate.SetResult();
        Assert.That(await answer, Is.Empty);
        Assert.That((_calls, Counters[Counter.CallsCancelled], _store.Calls.Count), Is.EqualTo((0, 1L, 0)));
        Assert.That(await Ask(server, CallAs(1), Here), Is.EqualTo(Ran(1, 1)));
    }

    [Test]
    public async Task An_idempotent_call_does_not_come_to_the_store()
    {
        _store.IsDown = true;
        Assert.That(await Ask(Server(), CallAs(1, procedure: 0), Here), Is.EqualTo(Words(1, 1, 0, 0, 0, 0)));
    }

    [Test]
    public void Only_a_server_with_calls_for_the_store_answers_late()
    {
        Assert.That(Server().AnswersLate, Is.True);
        using RpcProtocol idempotent = new(new OneProcedure(Program, 1, (in RpcCall _, XdrWriter _) => { }) { IsIdempotent = true }) { ReplyStore = _store };
        Assert.That(idempotent.AnswersLate, Is.False);
    }

    private RpcProtocol Server(bool isTransactional = false)
    {
        RpcProtocol server = new(new Counting(this, isTransactional)) { ReplyStore = _store };
        server.Open(Counters);
        _servers.Add(server);
        return server;
    }

    private static CallIdentity Identity(byte[] message)
    {
        XdrReader reader = new(message);
        CallHeader.Read(ref reader, out CallHeader header);
        RpcCall call = new(header.Xid, header.Program, header.Version, header.Procedure, default, header.Credential);
        Assert.That(CallIdentity.TryTake(call, reader.Rest, out CallIdentity identity), Is.True);
        return identity;
    }

    // A call of 24 bytes up to the procedure's number.
    private static byte[] CallAs(uint xid, uint procedure)
    {
        byte[] call = CallAs(xid);
        Words(procedure).CopyTo(call, 20);
        return call;
    }

    private Task<byte[]> Ask(RpcProtocol server, byte[] message, Peer peer) => Ask(server, message, peer, out _);

    private Task<byte[]> Ask(RpcProtocol server, byte[] message, Peer peer, out LateReply late)
    {
        OutputBuffer reply = new();
        Protocol = server;
        Assert.That(Answer(message, peer, reply), Is.True);
        late = reply.TakeLate()!;
        return late is null ? Task.FromResult(Content(reply)) : Finish(late);
    }

    private async Task<byte[]> Finish(LateReply late)
    {
        Ended ended = new();
        if (late.TryAwait(ended))
            await ended.Task.WaitAsync(Eventually.Deadline);
        return Content(late.Reply);
    }

    private byte[] Content(OutputBuffer reply)
    {
        byte[] whole = reply.Written.ToArray();
        if (_form == Form.Datagram || whole.Length == 0)
            return whole;
        Assert.That(whole[..4], Is.EqualTo(Words(0x8000_0000 | (uint)(whole.Length - 4))), "one whole record");
        return whole[4..];
    }

    private sealed class Ended() : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), ILateTarget
    {
        public void Completed(LateReply reply) => SetResult();
    }

    // Counts its calls, and returns the number of each.
    private sealed class Counting(StoredCallTests test, bool isTransactional) : IRpcProgram
    {
        public uint Number => Program;

        public uint Version => 1;

        public IReadOnlyList<ProcedureEntry> Procedures => [new(1, Count) { IsTransactional = isTransactional }];

        private AcceptStatus Count(in RpcCall call, ref XdrReader arguments, XdrWriter results)
        {
            int number = Interlocked.Increment(ref test._calls);
            AcceptStatus status = test._procedure();
            results.WriteUInt32((uint)number);
            return status;
        }
    }
}
