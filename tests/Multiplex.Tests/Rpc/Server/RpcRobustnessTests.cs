using System.Buffers.Binary;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Tests.Rpc.Server;

/// <summary>RPC survives any bytes from the network.</summary>
[TestFixture(Form.Record)]
[TestFixture(Form.Fragments)]
[TestFixture(Form.Datagram)]
public class RpcRobustnessTests(Form form) : RpcFixture(form)
{
    [FsCheck.NUnit.Property(MaxTest = 1000)]
    public void Random_bytes_get_no_reply_but_to_their_own_xid(byte[] message) => Check(message);

    [FsCheck.NUnit.Property(MaxTest = 1000)]
    public void A_broken_call_gets_no_reply_but_to_its_own_xid(byte which, (ushort At, byte Value)[] changes, byte cut)
    {
        byte[][] calls =
        [
            Call(0, []),
            Call(1, Words(3, 0x61626300)),
            Call(4, Words(0, 1)),
            Call(5, []),
            [.. Words(Xid, 0, 2, Program, 1, 1, 1, 20, 7, 0, 0, 0, 0, 0, 0), .. Words(3, 0x61626300)],
        ];
        byte[] call = calls[which % calls.Length];
        foreach ((ushort at, byte value) in changes.Take(3))
        {
            // Not the procedure: a call must not become one that sleeps or burns.
            if (at % call.Length is < 20 or >= 24)
                call[at % call.Length] = value;
        }

        Check(call[..^(cut % 5)]);
    }

    [Test]
    public void Nothing_is_sure_to_be_an_answer_just_because_it_was_answered()
    {
        // The properties above would hold for a protocol that never replies.
        Assert.That(Reply(Call(0, [])).Failure, Is.Null);
        Assert.That(Reply(Call(9, [])).Failure!.Message, Does.StartWith("PROC_UNAVAIL"));
        Assert.That(Reply(Call(1, [])).Failure!.Message, Does.StartWith("GARBAGE_ARGS"));
        Assert.That(Reply(Call(0, [], program: 7)).Failure!.Message, Does.StartWith("PROG_UNAVAIL"));
        Assert.That(
            Reply(Call(0, [], version: 7)).Failure!.Message,
            Is.EqualTo("PROG_MISMATCH: the server has versions 1 to 1 of this program"));
        Assert.That(Reply(Call(0, [], rpcVersion: 7)).Failure!.Message, Is.EqualTo("RPC_MISMATCH: the server speaks RPC versions 2 to 2"));
    }

    private void Check(byte[] message)
    {
        if (Ask(message) is not { } reply)
            return;
        Assert.That(reply.AsSpan(0, 4).SequenceEqual(message.AsSpan(0, 4)), Is.True, "the xid");
        XdrReader reader = new(reply);
        Assert.That(ReplyHeader.TryRead(ref reader, out ReplyHeader header), Is.True, "a well-formed reply");
        Assert.That(header.Xid, Is.EqualTo(BinaryPrimitives.ReadUInt32BigEndian(message)));
    }

    private ReplyHeader Reply(byte[] call)
    {
        XdrReader reader = new(Ask(call));
        Assert.That(ReplyHeader.TryRead(ref reader, out ReplyHeader header), Is.True);
        return header;
    }
}
