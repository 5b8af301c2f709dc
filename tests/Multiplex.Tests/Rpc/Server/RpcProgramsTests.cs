using System.Text;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Tests.Rpc.Server;

/// <summary>A protocol over several programs and versions: what it requires of them, and what they can read of a call.</summary>
public class RpcProgramsTests() : RpcFixture(Form.Record)
{
    private const uint Success = 0, ProgUnavail = 1, ProgMismatch = 2, ProcUnavail = 3, GarbageArgs = 4, SystemErr = 5;

    [Test]
    public void Each_version_of_each_program_gets_its_own_calls()
    {
        Serve(Answering(7, 2, 72), Answering(7, 3, 73), Answering(8, 3, 83));
        Assert.That(Ask(Call(1, [], program: 7, version: 2)), Is.EqualTo(Accepted(Success, 72)));
        Assert.That(Ask(Call(1, [], program: 7, version: 3)), Is.EqualTo(Accepted(Success, 73)));
        Assert.That(Ask(Call(1, [], program: 8, version: 3)), Is.EqualTo(Accepted(Success, 83)));
    }

    [TestCase(0u)]
    [TestCase(3u)]
    [TestCase(0xFFFFFFFFu)]
    public void PROG_MISMATCH_tells_the_true_low_and_high_of_that_program(uint version)
    {
        Serve(Answering(8, 1, 0), Answering(7, 4, 0), Answering(7, 2, 0), Answering(9, 99, 0));
        Assert.That(Ask(Call(1, [], program: 7, version: version)), Is.EqualTo(Accepted(ProgMismatch, 2, 4)));
        Assert.That(Ask(Call(1, [], program: 6, version: version)), Is.EqualTo(Accepted(ProgUnavail)));
    }

    [Test]
    public void The_same_version_of_the_same_program_twice_is_refused() =>
        Assert.That(() => Serve(Answering(7, 2, 0), Answering(7, 2, 0)), Throws.ArgumentException);

    [TestCase(AcceptStatus.GarbageArguments, GarbageArgs)]
    [TestCase(AcceptStatus.ProcedureUnavailable, ProcUnavail)]
    [TestCase(AcceptStatus.SystemError, SystemErr)]
    public void A_fault_is_the_reply_and_drops_the_results(AcceptStatus status, uint expected)
    {
        Serve(new OneProcedure(7, 2, (in RpcCall _, XdrWriter results) =>
        {
            results.WriteUInt32(1);
            throw new RpcFault(status);
        }));
        Assert.That(Ask(Call(1, [], program: 7, version: 2)), Is.EqualTo(Accepted(expected)));
    }

    [TestCase(AcceptStatus.Success)]
    [TestCase(AcceptStatus.ProgramMismatch)]
    public void A_fault_cannot_say_what_only_the_dispatch_knows(AcceptStatus status) =>
        Assert.That(() => new RpcFault(status), Throws.InstanceOf<ArgumentOutOfRangeException>());

    [Test]
    public void A_procedure_can_read_the_call_and_its_sender()
    {
        string seen = "";
        Serve(new OneProcedure(7, 2, (in RpcCall call, XdrWriter results) =>
            seen = $"{call.Xid:X} {call.Program} {call.Version} {call.Procedure} {call.Peer.ToString()} {call.Credential.Flavor} {call.Credential.TryGetSys(out _)}"));
        Ask(Call(5, [], program: 7, version: 2));
        Assert.That(seen, Is.EqualTo("12345678 7 2 5 tcp://127.0.0.1:51234 None False"));
    }

    [Test]
    public void A_procedure_can_read_the_AUTH_SYS_credential()
    {
        string seen = "";
        Serve(new OneProcedure(7, 2, (in RpcCall call, XdrWriter _) =>
        {
            Assert.That(call.Credential.TryGetSys(out SysCredential sys), Is.True);
            seen = $"{sys.Stamp} {Encoding.ASCII.GetString(sys.MachineName)} {sys.Uid} {sys.Gid} {sys.GroupCount} {sys.Group(0)} {sys.Group(1)}";
        }));
        byte[] body = [.. Words(99, 3), .. "abc"u8, 0, .. Words(1000, 100, 2, 27, 0xFFFFFFFF)];
        Ask([.. Words(Xid, 0, 2, 7, 2, 1, 1, (uint)body.Length), .. body, .. Words(0, 0)]);
        Assert.That(seen, Is.EqualTo("99 abc 1000 100 2 27 4294967295"));
    }

    [Test]
    public void There_is_no_group_beyond_the_last()
    {
        Assert.That(SysCredential.TryRead(Words(0, 0, 0, 0, 1, 5), out SysCredential sys), Is.True);
        Assert.That(sys.Group(0), Is.EqualTo(5));
        bool refused = false;
        try
        {
            sys.Group(1);
        }
        catch (ArgumentOutOfRangeException)
        {
            refused = true;
        }

        Assert.That(refused, Is.True);
    }

    [Test]
    public void A_one_way_procedure_gets_no_reply_unless_it_fails()
    {
        int runs = 0;
        Serve(new OneProcedure(7, 2, (in RpcCall call, XdrWriter results) =>
        {
            results.WriteUInt32(1);
            if (++runs > 1)
                throw new RpcFault(AcceptStatus.GarbageArguments);
        })
        {
            IsOneWay = true,
        });
        Assert.That(Ask(Call(1, [], program: 7, version: 2)), Is.Empty);
        Assert.That(Ask(Call(1, [], program: 7, version: 2)), Is.EqualTo(Accepted(GarbageArgs)));
    }

    private static OneProcedure Answering(uint number, uint version, uint result) =>
        new(number, version, (in RpcCall _, XdrWriter results) => results.WriteUInt32(result));
}
