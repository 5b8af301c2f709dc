using System.Buffers.Binary;
using System.Text;
using Multiplex.Rpc.Binding;
using Multiplex.Sockets;

namespace Multiplex.Tests.Rpc.Binding;

/// <summary>A name service over raw bytes: calls in, results out.</summary>
public abstract class NameServiceFixture
{
    protected const uint Program = 0x20004543;

    /// <summary>127.0.0.1, port 51234.</summary>
    protected static readonly byte[] Loopback = [2, 0, 0xC8, 0x22, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];

    /// <summary>192.0.2.1, port 51234.</summary>
    protected static readonly byte[] Elsewhere = [2, 0, 0xC8, 0x22, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0];

    private const uint Xid = 7;
    private const int ReplyHead = 24;

    /// <summary>The user of the process at the other end of UNIX-domain sockets.</summary>
    protected uint User { get; set; } = 1000;

    protected NameService Service { get; private set; } = null!;

    protected IProtocol Protocol { get; private set; } = null!;

    [SetUp]
    public void Make_a_name_service() => Serve(new(), NameServiceProtocol.UsualAmplification);

    [TearDown]
    public void Dispose_of_it() => (Protocol as IDisposable)?.Dispose();

    protected void Serve(RegistrationLimits limits, int amplification)
    {
        Service = new(new(limits)) { FirstUnprivilegedPort = 1024 };
        Protocol = new NameServiceProtocol(Service, amplification);
    }

    /// <summary>Words, big-endian.</summary>
    protected static byte[] Words(params uint[] words)
    {
        byte[] bytes = new byte[4 * words.Length];
        for (int i = 0; i < words.Length; i++)
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(4 * i), words[i]);
        return bytes;
    }

    /// <summary>A string: its length, its bytes, and zeros up to a multiple of four.</summary>
    protected static byte[] Text(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return [.. Words((uint)bytes.Length), .. bytes, .. new byte[-bytes.Length & 3]];
    }

    /// <summary>struct rpcb: program, version, netid, address, owner.</summary>
    protected static byte[] Rpcb(uint program, uint version, string netid, string address = "", string owner = "") =>
        [.. Words(program, version), .. Text(netid), .. Text(address), .. Text(owner)];

    /// <summary>The results of a call that succeeds.</summary>
    protected byte[] Ask(uint version, uint procedure, byte[] arguments, byte[]? from = null, EndpointKind kind = EndpointKind.Tcp)
    {
        byte[] reply = Reply(version, procedure, arguments, from, kind);
        Assert.That(reply[..ReplyHead], Is.EqualTo(Words(Xid, 1, 0, 0, 0, 0)), "an accepted reply, SUCCESS");
        return reply[ReplyHead..];
    }

    /// <summary>accept_stat of a call that does not succeed.</summary>
    protected uint Refusal(uint version, uint procedure, byte[] arguments, byte[]? from = null, EndpointKind kind = EndpointKind.Tcp)
    {
        byte[] reply = Reply(version, procedure, arguments, from, kind);
        Assert.That(reply[..20], Is.EqualTo(Words(Xid, 1, 0, 0, 0)), "an accepted reply");
        return BinaryPrimitives.ReadUInt32BigEndian(reply.AsSpan(20));
    }

    /// <summary>The whole reply; empty when there is none.</summary>
    protected byte[] Reply(uint version, uint procedure, byte[] arguments, byte[]? from = null, EndpointKind kind = EndpointKind.Tcp)
    {
        OutputBuffer reply = new();
        byte[] call = [.. Words(Xid, 0, 2, NameService.Program, version, procedure, 0, 0, 0, 0), .. arguments];
        Peer peer = kind == EndpointKind.Unix ? new(kind, from ?? [1, 0], unix: new UnixPeer(1, User, User)) : new(kind, from ?? Loopback);
        Assert.That(Protocol.AnswerMessage(call, peer, reply), Is.True);
        return reply.Written.ToArray();
    }
}
