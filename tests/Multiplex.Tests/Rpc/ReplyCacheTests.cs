using Multiplex.Rpc;
using Multiplex.Sockets;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Rpc;

/// <summary>Acted on once: what is a repeat, and what comes of it.</summary>
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
        Assert.That(Counters.Summary(), Is.EqualTo("ReplyCacheHits=2"));
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
    public void A_caller_with_AUTH_SYS_is_known_again_from_another_port()
    {
        Remember();
        Assert.That(Ask(CallAs(5), From(Address)), Is.EqualTo(Ran(5, 1)));
        Assert.That(Ask(CallAs(5), From(WithPort(Address, 2000))), Is.EqualTo(Ran(5, 1)));
        byte[] machine = [10, 0, 2, 0, 0, 0, 0, 0, 0x20, 1, 0xd, 0xb8, .. new byte[11], 1, 0, 0, 0, 0];   // [2001:db8::1]:512
        Assert.That(Ask(CallAs(5), From(machine)), Is.EqualTo(Ran(5, 2)), "another machine");
        Assert.That(Ask(CallAs(5), From(WithPort(machine, 3000))), Is.EqualTo(Ran(5, 2)));
        Assert.That(Ask(CallAs(5, stamp: 78), From(Address)), Is.EqualTo(Ran(5, 3)), "another stamp");
        Assert.That(Ask(CallAs(5, machine: "other"), From(Address)), Is.EqualTo(Ran(5, 4)), "another machine name");
        Assert.That(Ask(CallAs(5, uid: 0), From(Address)), Is.EqualTo(Ran(5, 5)), "another user");
        Assert.That(Ask(Call(5), From(Address)), Is.EqualTo(Ran(5, 6)), "nobody in particular");
    }

    [TestCase(1_500_000_000u, true)]
    [TestCase(1_795_000_000u, true)]
    [TestCase(0x7FFF_FFFFu, true)]
    [TestCase(0u, false)]
    [TestCase(0x8000_0000u, false)]
    [TestCase(0xFFFF_FFFFu, false)]
    public void A_stamp_that_is_a_time_tells_nobody_from_another_port_apart(uint stamp, bool isTime)
    {
        Remember();
        Assert.That(Ask(CallAs(5, stamp), From(Address)), Is.EqualTo(Ran(5, 1)));
        Assert.That(Ask(CallAs(5, stamp), From(WithPort(Address, 2000))), Is.EqualTo(Ran(5, isTime ? 2u : 1u)));
        Assert.That(Ask(CallAs(5, stamp), From(Address)), Is.EqualTo(Ran(5, 1)), "from the same port it is known in any case");
    }

    [TestCase(EndpointKind.Tcp)]
    [TestCase(EndpointKind.Unix)]
    public void Over_connections_a_caller_is_its_connection_unless_a_credential_tells(EndpointKind kind)
    {
        Remember();
        byte[] address = kind == EndpointKind.Tcp ? Address : [1, 0];
        Assert.That(Ask(Call(5), new Peer(kind, address, connection: 10)), Is.EqualTo(Ran(5, 1)));
        Assert.That(Ask(Call(5), new Peer(kind, address, connection: 11)), Is.EqualTo(Ran(5, 2)), "somebody else, if from the same port");
        Assert.That(Ask(Call(5), new Peer(kind, address, connection: 10)), Is.EqualTo(Ran(5, 1)));
        Assert.That(Ask(CallAs(6), new Peer(kind, address, connection: 10)), Is.EqualTo(Ran(6, 3)));
        Assert.That(Ask(CallAs(6), new Peer(kind, address, connection: 11)), Is.EqualTo(Ran(6, 3)));
    }

    [Test]
    public void A_datagram_without_a_sender_is_nobodys_and_always_run()
    {
        Remember();
        Assert.That(Ask(Call(7), new Peer(EndpointKind.UnixGram, default)), Is.EqualTo(Ran(7, 1)));
        Assert.That(Ask(Call(7), new Peer(EndpointKind.UnixGram, default)), Is.EqualTo(Ran(7, 2)));
        Assert.That(Ask(CallAs(7), new Peer(EndpointKind.UnixGram, default)), Is.EqualTo(Ran(7, 3)));
        Assert.That(Ask(CallAs(7), new Peer(EndpointKind.UnixGram, default)), Is.EqualTo(Ran(7, 3)));
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
