using System.Buffers.Binary;
using System.Text;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Rpc.Server;

/// <summary>Every reply of RFC 5531 to the calls of multiplex.x, byte for byte.</summary>
[TestFixture(Form.Record)]
[TestFixture(Form.Fragments)]
[TestFixture(Form.Datagram)]
public class RpcReplyTests(Form form) : RpcFixture(form)
{
    private const uint Null = 0, Echo = 1, Sleep = 2, Burn = 3, Add = 4, Whoami = 5;
    private const uint Success = 0, ProgUnavail = 1, ProgMismatch = 2, ProcUnavail = 3, GarbageArgs = 4;

    [Test]
    public void NULL_takes_nothing_and_returns_nothing()
    {
        Assert.That(Ask(Call(Null, [])), Is.EqualTo(Accepted(Success)));
        Assert.That(Counters[Counter.Calls], Is.EqualTo(1));
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(4)]
    [TestCase(1023)]
    [TestCase(MultiplexConstants.MaxPayload)]
    public void ECHO_returns_what_it_was_given(int length)
    {
        byte[] payload = new byte[length];
        new Random(length).NextBytes(payload);
        byte[] argument = [.. Words((uint)length), .. payload, .. new byte[-length & 3]];
        byte[]? reply = Ask(Call(Echo, argument));
        Assert.That(reply.AsSpan().SequenceEqual([.. Accepted(Success), .. argument]), Is.True);
    }

    [Test]
    public void SLEEP_blocks_and_returns_the_milliseconds()
    {
        long before = clock_gettime(CLOCK_MONOTONIC);
        Assert.That(Ask(Call(Sleep, Words(20))), Is.EqualTo(Accepted(Success, 20)));
        Assert.That(clock_gettime(CLOCK_MONOTONIC) - before, Is.GreaterThanOrEqualTo(20_000_000));
        Assert.That(Ask(Call(Sleep, Words(0))), Is.EqualTo(Accepted(Success, 0)));
    }

    [Test]
    public void BURN_spends_CPU_and_returns_the_iterations()
    {
        long before = clock_gettime(CLOCK_THREAD_CPUTIME_ID);
        byte[] reply = Ask(Call(Burn, Words(2000)))!;
        Assert.That(clock_gettime(CLOCK_THREAD_CPUTIME_ID) - before, Is.GreaterThanOrEqualTo(2_000_000));
        Assert.That(reply[..24], Is.EqualTo(Accepted(Success)));
        Assert.That(reply, Has.Length.EqualTo(32));
        Assert.That(BinaryPrimitives.ReadUInt64BigEndian(reply.AsSpan(24)), Is.Positive);
    }

    [Test]
    public void ADD_adds_to_the_one_counter_and_returns_its_new_value()
    {
        Assert.That(Ask(Call(Add, Words(0, 40))), Is.EqualTo(Accepted(Success, 0, 40)));
        Assert.That(Ask(Call(Add, Words(0, 2))), Is.EqualTo(Accepted(Success, 0, 42)));
        Assert.That(Ask(Call(Add, Words(0xFFFFFFFF, 0xFFFFFFFF))), Is.EqualTo(Accepted(Success, 0, 41)), "modulo 2 to the 64");
        Assert.That(Ask(Call(Add, Words(0x80000000, 0))), Is.EqualTo(Accepted(Success, 0x80000000, 41)));
    }

    [Test]
    public void WHOAMI_tells_the_process_the_thread_the_calls_served_and_the_caller()
    {
        Ask(Call(Null, []));
        byte[] peer = Encoding.ASCII.GetBytes("tcp://127.0.0.1:51234");
        byte[] expected = [.. Accepted(Success, (uint)getpid(), (uint)gettid(), 0, 2, (uint)peer.Length), .. peer, 0, 0, 0];
        Assert.That(Ask(Call(Whoami, [])), Is.EqualTo(expected));
    }

    [TestCase(0u)]
    [TestCase(100000u)]
    [TestCase(0x20004544u)]
    public void Another_program_is_PROG_UNAVAIL(uint program) =>
        Assert.That(Ask(Call(Null, [], program)), Is.EqualTo(Accepted(ProgUnavail)));

    [TestCase(0u)]
    [TestCase(2u)]
    [TestCase(0xFFFFFFFFu)]
    public void Another_version_is_PROG_MISMATCH_with_the_lowest_and_highest_that_there_are(uint version) =>
        Assert.That(Ask(Call(Null, [], version: version)), Is.EqualTo(Accepted(ProgMismatch, 1, 1)));

    [TestCase(6u)]
    [TestCase(0xFFFFFFFFu)]
    public void Another_procedure_is_PROC_UNAVAIL(uint procedure)
    {
        Assert.That(Ask(Call(procedure, [])), Is.EqualTo(Accepted(ProcUnavail)));
        Assert.That(Ask(Call(procedure, Words(1, 2, 3))), Is.EqualTo(Accepted(ProcUnavail)), "whatever the arguments");
    }

    [TestCase(0u)]
    [TestCase(1u)]
    [TestCase(3u)]
    [TestCase(0xFFFFFFFFu)]
    public void Another_RPC_version_is_RPC_MISMATCH_2_to_2(uint rpcVersion)
    {
        byte[] expected = Denied(0, 2, 2);
        Assert.That(Ask(Call(Null, [], rpcVersion: rpcVersion)), Is.EqualTo(expected));
        Assert.That(Ask(Words(Xid, 0, rpcVersion)), Is.EqualTo(expected), "what follows the version may be anything, or nothing");
    }

    private static IEnumerable<TestCaseData> Garbage()
    {
        (string Name, uint Procedure, byte[] Arguments)[] all =
        [
            ("NULL with an argument", Null, Words(0)),
            ("NULL with half a word", Null, [0, 0]),
            ("ECHO without a length", Echo, []),
            ("ECHO with half a length", Echo, [0, 0]),
            ("ECHO without its data", Echo, Words(4)),
            ("ECHO with half its data", Echo, Words(8, 0)),
            ("ECHO without its padding", Echo, [.. Words(1), 0xAA]),
            ("ECHO with bytes left over", Echo, Words(4, 0, 0)),
            ("ECHO of one byte more than 1 MiB", Echo,
                [.. Words(MultiplexConstants.MaxPayload + 1), .. new byte[MultiplexConstants.MaxPayload + 4]]),
            ("ECHO of 4 GiB", Echo, Words(0xFFFFFFFF, 0)),
            ("SLEEP without an argument", Sleep, []),
            ("SLEEP with bytes left over", Sleep, Words(0, 0)),
            ("SLEEP longer than it may", Sleep, Words(10_001)),
            ("SLEEP for ever", Sleep, Words(0xFFFFFFFF)),
            ("BURN without an argument", Burn, []),
            ("BURN with bytes left over", Burn, Words(0, 0)),
            ("BURN more than it may", Burn, Words(10_000_001)),
            ("ADD of half a hyper", Add, Words(1)),
            ("ADD with bytes left over", Add, Words(0, 1, 0)),
            ("WHOAMI with an argument", Whoami, Words(0)),
        ];
        return all.Select(one => new TestCaseData(one.Procedure, one.Arguments).SetArgDisplayNames(one.Name));
    }

    [TestCaseSource(nameof(Garbage))]
    public void Arguments_that_cannot_be_decoded_are_GARBAGE_ARGS_and_nothing_runs(uint procedure, byte[] arguments)
    {
        Assert.That(Ask(Call(procedure, arguments)), Is.EqualTo(Accepted(GarbageArgs)));
        Assert.That(Counters[Counter.Calls], Is.Zero);
        Assert.That(Counters[Counter.Sum], Is.Zero);
    }

    [Test]
    public void Padding_that_is_not_zero_is_read_and_comes_back_as_zeros()
    {
        byte[] arguments = [.. Words(1), 0xAA, 0, 0, 1];
        Assert.That(Ask(Call(Echo, arguments)), Is.EqualTo((byte[])[.. Accepted(Success), .. Words(1), 0xAA, 0, 0, 0]));
        Protocol = new(new MultiplexProgram(Counters)) { Strict = true };
        Assert.That(Ask(Call(Echo, arguments)), Is.EqualTo(Accepted(GarbageArgs)));
        Assert.That(Ask(Call(Echo, [.. Words(1), 0xAA, 0, 0, 0])), Is.EqualTo((byte[])[.. Accepted(Success), .. Words(1), 0xAA, 0, 0, 0]));
    }

    [Test]
    public void A_reply_is_no_call_and_gets_no_reply() => Assert.That(Ask(Accepted(Success)), Is.Null);

    [TestCase(0)]
    [TestCase(3)]
    [TestCase(4)]
    [TestCase(11)]
    [TestCase(12)]
    [TestCase(20)]
    [TestCase(36)]
    [TestCase(39)]
    public void A_message_that_ends_before_its_head_does_gets_no_reply(int length) =>
        Assert.That(Ask(Call(Null, [])[..length]), Is.Null);
}
