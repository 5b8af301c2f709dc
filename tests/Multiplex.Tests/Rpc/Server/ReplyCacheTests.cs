using Multiplex.Sockets;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Rpc.Server;

/// <summary>Which calls are repeats, and what is replied to them.</summary>
[TestFixture(Form.Record)]
[TestFixture(Form.Fragments)]
[TestFixture(Form.Datagram)]
public class ReplyCacheTests(Form form) : ReplyCacheFixture(form)
{
    [Test]
    public void A_repeat_gets_the_first_ones_reply_and_is_not_run()
    {
        Remember();
        for (int i = 0; i < 3; i++)
            Assert.That(Ask(Call(5, 8), From(Address)), Is.EqualTo(Ran(5, 1)));
        Assert.That(Runs, Is.EqualTo(1));
        Assert.That(Counters[Counter.ReplyCacheHits], Is.EqualTo(2));
        Assert.That(Counters.Summary(), Is.EqualTo("Calls=1 ReplyCacheHits=2"));
    }

    [Test]
    public void A_call_that_differs_in_anything_is_run()
    {
        Remember();
        byte[] call = Call(5, 8);
        Ask(call, From(Address));
        (string What, byte[] Call, byte[] Address, EndpointKind Kind)[] others =
        [
            ("another xid", Call(6, 8), Address, EndpointKind.Udp),
            ("other arguments", Call(5, 9), Address, EndpointKind.Udp),
            ("longer arguments", Call(5, 8, 0), Address, EndpointKind.Udp),
            ("another procedure", [.. call[..20], .. Words(2), .. call[24..]], Address, EndpointKind.Udp),
            ("another port", call, WithPort(Address, 1001), EndpointKind.Udp),
            ("another machine", call, [.. Address[..7], 2, .. new byte[8]], EndpointKind.Udp),
            ("another kind of socket", call, Address, EndpointKind.Tcp),
        ];
        for (int i = 0; i < others.Length; i++)
            Assert.That(Ask(others[i].Call, From(others[i].Address, others[i].Kind))![^1], Is.EqualTo(i + 2), others[i].What);
        Assert.That(Ask(call, From(Address)), Is.EqualTo(Ran(5, 1)), "and the first one is still known");
    }

    [Test]
    public void A_caller_with_a_random_stamp_is_known_again_from_another_port()
    {
        Remember();
        Assert.That(Ask(CallAs(5), From(Address)), Is.EqualTo(Ran(5, 1)));
        Assert.That(Ask(CallAs(5), From(WithPort(Address, 2000))), Is.EqualTo(Ran(5, 1)));
        byte[] machine = [10, 0, 2, 0, 0, 0, 0, 0, 0x20, 1, 0xd, 0xb8, .. new byte[11], 1, 0, 0, 0, 0];   // [2001:db8::1]:512
        Assert.That(Ask(CallAs(5), From(machine)), Is.EqualTo(Ran(5, 2)), "another machine");
        Assert.That(Ask(CallAs(5), From(WithPort(machine, 3000))), Is.EqualTo(Ran(5, 2)));
        Assert.That(Ask(CallAs(5, stamp: 0x8000_004E), From(Address)), Is.EqualTo(Ran(5, 3)), "another stamp");
        Assert.That(Ask(CallAs(5, machine: "other"), From(Address)), Is.EqualTo(Ran(5, 4)), "another machine name");
        Assert.That(Ask(CallAs(5, uid: 0), From(Address)), Is.EqualTo(Ran(5, 5)), "another user");
        Assert.That(Ask(Call(5), From(Address)), Is.EqualTo(Ran(5, 6)), "a caller without a credential");
    }

    [TestCase(0u, "the Linux kernel's")]
    [TestCase(42u, "pynfs'")]
    [TestCase(1_795_000_000u, "a time, libtirpc's")]
    [TestCase(0x7FFF_FFFFu)]
    [TestCase(0xFFFF_FFFFu, "-1")]
    [TestCase(0x8000_0000u, "", true)]
    [TestCase(0xFFFF_FFFEu, "", true)]
    public void Only_a_stamp_as_our_own_client_makes_it_tells_a_caller_across_ports_and_connections(uint stamp, string whose = "", bool isRandom = false)
    {
        Remember();
        Assert.That(Ask(CallAs(5, stamp), From(Address)), Is.EqualTo(Ran(5, 1)), whose);
        Assert.That(Ask(CallAs(5, stamp), From(WithPort(Address, 2000))), Is.EqualTo(Ran(5, isRandom ? 1u : 2u)));
        Assert.That(Ask(CallAs(5, stamp), From(Address)), Is.EqualTo(Ran(5, 1)), "from the same port it is known in any case");
        int runs = Runs;
        Ask(CallAs(6, stamp), On(10));
        Ask(CallAs(6, stamp), On(11));
        Assert.That(Runs - runs, Is.EqualTo(isRandom ? 1 : 2), "two connections");
        Ask(CallAs(6, stamp), On(10));
        Ask(CallAs(6, stamp), On(11));
        Assert.That(Runs - runs, Is.EqualTo(isRandom ? 1 : 2), "and a repeat on each");
    }

    [TestCase(EndpointKind.Unix)]
    [TestCase(EndpointKind.UnixPacket)]
    [TestCase(EndpointKind.UnixGram)]
    public void On_a_UNIX_domain_socket_another_user_is_another_caller_whatever_the_credential_says(EndpointKind kind)
    {
        Remember();
        Assert.That(Ask(CallAs(5), OfUser(1000, connection: 10)), Is.EqualTo(Ran(5, 1)));
        Assert.That(Ask(CallAs(5), OfUser(1001, connection: 11)), Is.EqualTo(Ran(5, 2)));
        Assert.That(Ask(CallAs(5), OfUser(1000, connection: 12)), Is.EqualTo(Ran(5, 1)), "the first user again");

        Peer OfUser(uint user, byte connection) => kind == EndpointKind.UnixGram
            ? new(kind, (byte[])[1, 0, (byte)'/', connection], unix: new UnixPeer(1, user, 100))
            : new(kind, (byte[])[1, 0], connection, new UnixPeer(1, user, 100));
    }

    [Test]
    public void A_caller_whose_user_the_kernel_does_not_tell_is_known_by_its_address_alone()
    {
        Remember();
        byte[] one = [1, 0, .. "/a"u8], other = [1, 0, .. "/b"u8];
        Assert.That(Ask(CallAs(5), From(one, EndpointKind.UnixGram)), Is.EqualTo(Ran(5, 1)));
        Assert.That(Ask(CallAs(5), From(other, EndpointKind.UnixGram)), Is.EqualTo(Ran(5, 2)));
        Assert.That(Ask(CallAs(5), From(one, EndpointKind.UnixGram)), Is.EqualTo(Ran(5, 1)));
    }

    [TestCase(EndpointKind.Tcp)]
    [TestCase(EndpointKind.Unix)]
    public void Without_a_random_stamp_a_caller_is_its_connection(EndpointKind kind)
    {
        Remember();
        byte[] address = kind == EndpointKind.Tcp ? Address : [1, 0];
        Assert.That(Ask(Call(5), new Peer(kind, address, connection: 10)), Is.EqualTo(Ran(5, 1)));
        Assert.That(Ask(Call(5), new Peer(kind, address, connection: 11)), Is.EqualTo(Ran(5, 2)), "another client, if from the same port");
        Assert.That(Ask(Call(5), new Peer(kind, address, connection: 10)), Is.EqualTo(Ran(5, 1)));
    }

    [Test]
    public void A_datagram_without_a_sender_has_no_caller_and_is_always_run()
    {
        Remember();
        Peer unnamed = new(EndpointKind.UnixGram, default);
        Assert.That(Ask(Call(7), unnamed), Is.EqualTo(Ran(7, 1)));
        Assert.That(Ask(Call(7), unnamed), Is.EqualTo(Ran(7, 2)));
        Assert.That(Ask(CallAs(7), unnamed), Is.EqualTo(Ran(7, 3)));
        Peer ofUser = new(EndpointKind.UnixGram, default, unix: new UnixPeer(1, 1000, 100));
        Assert.That(Ask(CallAs(7), ofUser), Is.EqualTo(Ran(7, 4)));
        Assert.That(Ask(CallAs(7), ofUser), Is.EqualTo(Ran(7, 4)), "user and stamp are known");
    }

    [Test]
    public void A_repeat_of_a_call_in_progress_gets_no_reply_and_is_not_run()
    {
        using ManualResetEventSlim goOn = new();
        using CountdownEvent begun = new(1);
        Remember(beforeItAnswers: (_, _) =>
        {
            begun.Signal();
            Assert.That(goOn.Wait(Eventually.Deadline), Is.True);
        });
        Background<byte[]?> first = Background.Run(() => Ask(Call(5), From(Address)));
        Assert.That(begun.Wait(Eventually.Deadline), Is.True);
        for (int i = 0; i < 2; i++)
            Assert.That(Ask(Call(5), From(Address)), Is.Empty);
        Assert.That(Counters[Counter.ReplyCacheDrops], Is.EqualTo(2));
        goOn.Set();
        Assert.That(first.Result(), Is.EqualTo(Ran(5, 1)));
        Assert.That(Ask(Call(5), From(Address)), Is.EqualTo(Ran(5, 1)));
        Assert.That(Runs, Is.EqualTo(1));
    }

    [Test]
    public void A_procedure_that_throws_has_been_run_and_its_repeat_gets_the_same_reply()
    {
        Remember(beforeItAnswers: (_, _) => throw new RpcFault(AcceptStatus.SystemError));
        for (int i = 0; i < 2; i++)
            Assert.That(Ask(Call(5), From(Address)), Is.EqualTo(Failed(5)));
        Assert.That(Runs, Is.EqualTo(1));
    }

    [TestCase(AcceptStatus.GarbageArguments)]
    [TestCase(AcceptStatus.ProcedureUnavailable)]
    public void A_call_that_was_refused_before_it_ran_is_not_remembered(AcceptStatus status)
    {
        Remember(beforeItAnswers: (run, _) =>
        {
            if (run == 1)
                throw new RpcFault(status);
        });
        Assert.That(Ask(Call(5), From(Address)), Is.EqualTo(Words(5, 1, 0, 0, 0, (uint)status)));
        Assert.That(Ask(Call(5), From(Address)), Is.EqualTo(Ran(5, 2)));
        Assert.That(Ask(Call(5), From(Address)), Is.EqualTo(Ran(5, 2)));
        Assert.That(Counters.Summary(), Is.EqualTo("Calls=1 ReplyCacheHits=1"), "what was refused, and what was repeated, was not run");
    }

    [Test]
    public void What_is_idempotent_is_not_remembered()
    {
        Protocol = new(new MultiplexProgram(Counters));
        Protocol.Open(Counters);
        byte[] null_ = Call(5), add = Words(5, 0, 2, Program, 1, 4, 0, 0, 0, 0, 0, 3);
        byte[] nullOfMultiplex = [.. null_[..20], .. Words(0), .. null_[24..]];
        for (int i = 0; i < 3; i++)
        {
            Ask(nullOfMultiplex, From(Address));
            Assert.That(Ask(add, From(Address)), Is.EqualTo(Words(5, 1, 0, 0, 0, 0, 0, 3)));
        }

        Assert.That(Counters[Counter.Calls], Is.EqualTo(4), "three of NULL and one of ADD");
        Assert.That(Counters[Counter.ReplyCacheHits], Is.EqualTo(2));
    }
}
