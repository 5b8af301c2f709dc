using Multiplex.Rpc.Xdr;
using FsCheckProperty = FsCheck.NUnit.PropertyAttribute;

namespace Multiplex.Tests.Rpc.Server;

/// <summary>How a call finds its procedure, and what the procedure's entry decides.</summary>
public class DispatchTests() : RpcFixture(Form.Record)
{
    private const uint Success = 0, ProgUnavail = 1, ProgMismatch = 2, ProcUnavail = 3, GarbageArgs = 4, AuthTooWeak = 5;

    /// <summary>Whatever the numbers are: a procedure that is served is found, and any other call gets the right refusal.</summary>
    [FsCheckProperty]
    public void Each_procedure_finds_its_own_entry_and_all_else_is_refused(byte[] numbers, byte offset)
    {
        uint[][] procedures = [.. numbers.Select(Spread).Chunk(3).Where(one => one.Length == 3).DistinctBy(one => (one[0], one[1], one[2]))];
        Serve([.. procedures.GroupBy(one => (one[0], one[1])).Select(version => new Numbered(version.Key.Item1, version.Key.Item2, [.. version.Select(one => one[2])]))]);
        foreach (uint[] one in procedures)
            Assert.That(Ask(Call(one[2], [], one[0], one[1])), Is.EqualTo(Accepted(Success, one[0], one[1], one[2])));

        for (uint i = 0; i < 64; i++)
        {
            (uint program, uint version, uint procedure) = (Spread((byte)(offset + (i % 4))), Spread((byte)(offset + (i / 4 % 4))), Spread((byte)(offset + (i / 16))));
            uint[] versions = [.. procedures.Where(one => one[0] == program).Select(one => one[1])];
            bool isServed = procedures.Any(one => one.SequenceEqual([program, version, procedure]));
            Assert.That(Ask(Call(procedure, [], program, version)), Is.EqualTo(
                isServed ? Accepted(Success, program, version, procedure)
                : versions.Length == 0 ? Accepted(ProgUnavail)
                : !versions.Contains(version) ? Accepted(ProgMismatch, versions.Min(), versions.Max())
                : Accepted(procedure == 0 ? Success : ProcUnavail)));
        }
    }

    [Test]
    public void Every_program_has_the_null_procedure_whether_it_lists_it_or_not()
    {
        Serve(new Numbered(7, 2, [1]), new Numbered(7, 3, []));
        foreach (uint version in (uint[])[2, 3])
        {
            Assert.That(Ask(Call(0, [], 7, version)), Is.EqualTo(Accepted(Success)));
            Assert.That(Ask(Call(0, Words(1), 7, version)), Is.EqualTo(Accepted(GarbageArgs)));
        }
    }

    [Test]
    public void Two_procedures_under_one_number_are_refused() =>
        Assert.That(() => Serve(new Numbered(7, 2, [4, 4])), Throws.ArgumentException.With.Message.Contains("version 2 of program 7 has procedure 4 twice"));

    [Test]
    public void A_call_under_a_weaker_credential_than_its_procedure_takes_gets_AUTH_TOOWEAK_and_is_not_run()
    {
        int runs = 0;
        Serve(new OneProcedure(7, 2, (in RpcCall _, XdrWriter _) => runs++) { MinimumFlavor = AuthenticationFlavor.Sys });
        byte[] sys = Words(0, 0, 0, 0, 0);   // stamp, machine name, uid, gid, groups
        Assert.That(Ask(Call(1, [], program: 7, version: 2)), Is.EqualTo(Denied(1, AuthTooWeak)));
        Assert.That((runs, Counters[Counter.Calls]), Is.EqualTo((0, 0L)));
        Assert.That(Ask([.. Words(Xid, 0, 2, 7, 2, 1, 1, (uint)sys.Length), .. sys, .. Words(0, 0)]), Is.EqualTo(Accepted(Success)));
        Assert.That((runs, Counters[Counter.Calls]), Is.EqualTo((1, 1L)));
    }

    [Test]
    public void What_is_not_served_is_neither_counted_nor_kept_nor_slow()
    {
        Serve(new Numbered(7, 2, [1]));
        Ask(Call(9, [], program: 7, version: 2));
        Ask(Call(1, [], program: 7, version: 1));
        Ask(Call(1, [], program: 6, version: 2));
        Assert.That(Counters[Counter.Calls], Is.Zero);
        Assert.That(Protocol.IsMessageQuick(Call(9, [], program: 7, version: 2)), Is.True);
        Assert.That(Protocol.IsMessageQuick(Call(1, [], program: 7, version: 2)), Is.False, "by default nothing but procedure 0 is quick");
        Assert.That(Protocol.IsMessageQuick(Call(0, [], program: 7, version: 2)), Is.True);
    }

    /// <summary>The reader asks for both at once, and gets the same answers as from the two methods.</summary>
    [Test]
    public void In_a_batch_a_call_that_may_take_long_is_left_alone_and_any_other_is_answered()
    {
        Serve(new Numbered(7, 2, [1]));
        byte[] quick = Call(0, [], program: 7, version: 2), @long = Call(1, [], program: 7, version: 2), unknown = Call(9, [], program: 7, version: 2);
        byte[] split = [.. Words(4), .. quick[..4], .. Words(0x8000_0000 | (uint)(quick.Length - 4)), .. quick[4..]];
        Assert.That(InBatch(Record(quick), ifQuick: true), Is.EqualTo((FrameAnswer.Quick, Accepted(Success).Length + 4)));
        Assert.That(InBatch(Record(unknown), ifQuick: true), Is.EqualTo((FrameAnswer.Quick, Accepted(ProcUnavail).Length + 4)));
        Assert.That(InBatch(Record(@long), ifQuick: true), Is.EqualTo((FrameAnswer.Left, 0)));
        Assert.That(InBatch(Record(@long), ifQuick: false), Is.EqualTo((FrameAnswer.Long, Accepted(Success, 7, 2, 1).Length + 4)));
        Assert.That(InBatch(split, ifQuick: true), Is.EqualTo((FrameAnswer.Left, 0)), "its procedure is not in the first fragment");
        Assert.That(InBatch(split, ifQuick: false), Is.EqualTo((FrameAnswer.Long, Accepted(Success).Length + 4)));
        Assert.That(InBatch(Record(Words(Xid, 1, 0)), ifQuick: false), Is.EqualTo((FrameAnswer.Malformed, 0)), "a reply is no call");
    }

    private (FrameAnswer Answer, int Length) InBatch(byte[] frame, bool ifQuick)
    {
        OutputBuffer reply = new();
        return (Protocol.AnswerInBatch(frame, new Peer(Multiplex.Sockets.EndpointKind.Tcp, []), reply, ifQuick), reply.Length);
    }

    private static byte[] Record(byte[] message) => [.. Words(0x8000_0000 | (uint)message.Length), .. message];

    // Few numbers, so that some are equal; of all lengths, including 0 and the highest.
    private static uint Spread(byte number) => uint.RotateLeft((uint)(number % 8) * 0x2492_4925, number % 3) | (uint)(number % 8 == 7 ? uint.MaxValue : 0);

    /// <summary>A program whose procedures return their numbers.</summary>
    private sealed class Numbered(uint number, uint version, uint[] procedures) : IRpcProgram
    {
        public uint Number => number;

        public uint Version => version;

        public IReadOnlyList<ProcedureEntry> Procedures => [.. procedures.Select(one => new ProcedureEntry(one, Tell))];

        private static AcceptStatus Tell(in RpcCall call, ref XdrReader arguments, XdrWriter results)
        {
            results.WriteUInt32(call.Program);
            results.WriteUInt32(call.Version);
            results.WriteUInt32(call.Procedure);
            return AcceptStatus.Success;
        }
    }
}
