using System.Buffers.Binary;
using Multiplex.Sockets;

namespace Multiplex.Tests.Rpc.Server;

/// <summary>The form in which a message is sent.</summary>
public enum Form
{
    /// <summary>A record of one fragment, on a stream.</summary>
    Record,

    /// <summary>A record of many fragments, on a stream.</summary>
    Fragments,

    /// <summary>A datagram.</summary>
    Datagram,
}

/// <summary>The server's side of RPC over raw bytes, written as 32-bit words: a call, and the reply that is expected.</summary>
public abstract class RpcFixture(Form form)
{
    protected const uint Xid = 0x12345678, Program = 0x20004543;

    private static readonly byte[] s_peer = [2, 0, 0xC8, 0x22, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];   // 127.0.0.1:51234

    protected ServerCounters Counters { get; private set; } = null!;

    protected RpcProtocol Protocol { get; set; } = null!;

    [SetUp]
    public void Make_the_protocol()
    {
        Counters = new();
        Serve(new MultiplexProgram(Counters));
    }

    /// <summary>Makes the protocol serve these programs instead of that of multiplex.x.</summary>
    protected void Serve(params IRpcProgram[] programs)
    {
        Protocol = new(programs) { Replies = null };   // tests use one xid for all calls
        Protocol.Open(Counters);
    }

    [TearDown]
    public void Dispose_of_the_counters() => Counters.Dispose();

    /// <summary>Words, big-endian.</summary>
    protected static byte[] Words(params uint[] words)
    {
        byte[] bytes = new byte[4 * words.Length];
        for (int i = 0; i < words.Length; i++)
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(4 * i), words[i]);
        return bytes;
    }

    /// <summary>A call: xid, CALL, RPC version 2, program, version, procedure, AUTH_NONE twice, arguments.</summary>
    protected static byte[] Call(
        uint procedure, byte[] arguments, uint program = Program, uint version = 1, uint rpcVersion = 2) =>
        [.. Words(Xid, 0, rpcVersion, program, version, procedure, 0, 0, 0, 0), .. arguments];

    /// <summary>MSG_ACCEPTED, with an AUTH_NONE verifier: xid, REPLY, accepted, verifier, accept_stat, results.</summary>
    protected static byte[] Accepted(uint status, params uint[] rest) => Words([Xid, 1, 0, 0, 0, status, .. rest]);

    /// <summary>MSG_DENIED: xid, REPLY, denied, reject_stat and what follows it.</summary>
    protected static byte[] Denied(uint status, params uint[] rest) => Words([Xid, 1, 1, status, .. rest]);

    /// <summary>Hands a message to the protocol.</summary>
    /// <returns>The reply's message, empty when there is none; null if the protocol said that the bytes are malformed.</returns>
    protected byte[]? Ask(byte[] message) => Ask(message, new Peer(EndpointKind.Tcp, s_peer));

    /// <summary>Hands a message of this peer to the protocol.</summary>
    protected byte[]? Ask(byte[] message, Peer peer)
    {
        OutputBuffer reply = new();
        reply.Write("earlier replies"u8);   // replies of a batch stand one after another
        bool answered = Answer(message, peer, reply);
        byte[] appended = reply.Written["earlier replies".Length..].ToArray();
        Assert.That(reply.Written.StartsWith("earlier replies"u8), Is.True);
        if (!answered)
        {
            Assert.That(appended, Is.Empty, "no reply, and no half of one");
            return null;
        }

        if (form == Form.Datagram || appended.Length == 0)
            return appended;
        Assert.That(appended[..4], Is.EqualTo(Words(0x8000_0000 | (uint)(appended.Length - 4))), "one whole record");
        return appended[4..];
    }

    /// <summary>Hands a message to the protocol, in the form of this fixture.</summary>
    protected bool Answer(byte[] message, Peer peer, OutputBuffer reply)
    {
        if (form == Form.Datagram)
            return Protocol.AnswerMessage(message, peer, reply);
        byte[] record = form == Form.Record || message.Length < 8
            ? [.. Words(0x8000_0000 | (uint)message.Length), .. message]
            : [.. Words(3), .. message[..3], .. Words(1), message[3],
                .. Words(0x8000_0000 | (uint)(message.Length - 4)), .. message[4..]];
        FramingProgress progress = default;
        Assert.That(Protocol.Frame([.. record, 0xFF], ref progress), Is.EqualTo(record.Length));
        return Protocol.AnswerFrame(record, peer, reply);
    }
}
