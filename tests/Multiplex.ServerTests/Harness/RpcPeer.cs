using System.Buffers.Binary;
using System.Net;
using System.Net.Security;
using System.Text;
using NUnit.Framework;

namespace Multiplex.ServerTests.Harness;

/// <summary>The results of WHOAMI.</summary>
internal sealed record WhoamiResult(uint Process, uint Thread, ulong Served, string Peer);

/// <summary>A client that calls the procedures of <c>multiplex.x</c> over a connection of its own.</summary>
internal sealed class RpcPeer(ServerAddress server, EndPoint? local = null) : IDisposable
{
    private const int SuccessLength = 24;   // xid, REPLY, MSG_ACCEPTED, AUTH_NONE, length 0, SUCCESS
    private readonly Dictionary<uint, byte[]> _early = [];
    private readonly List<uint> _arrived = [];
    private uint _xid = (uint)Random.Shared.Next();   // a later client may get the same port

    /// <summary>The xids of the replies that <see cref="Finish"/> has received, in the order in which they came.</summary>
    public IReadOnlyList<uint> Arrived => _arrived;

    public TestClient Client { get; } = new(server, local);

    /// <summary>Asks for TLS, as RFC 9289 says, and begins it.</summary>
    /// <exception cref="System.Security.Authentication.AuthenticationException">One side refuses the other.</exception>
    public void Secure(SslClientAuthenticationOptions options)
    {
        Assert.That(Exchange(RpcWire.CallAs(++_xid, RpcWire.Null, RpcWire.AuthTls, [])), Is.EqualTo(RpcWire.TlsGranted(_xid)));
        Client.Secure(options);
    }

    public void Null() => Call(RpcWire.Null);

    public byte[] Echo(byte[] payload)
    {
        byte[] results = Call(RpcWire.Echo, RpcWire.Opaque(payload));
        int length = (int)BinaryPrimitives.ReadUInt32BigEndian(results);
        Assert.That(results, Has.Length.EqualTo(RpcWire.Opaque(payload).Length));
        return results[4..(4 + length)];
    }

    public uint Sleep(uint milliseconds) => BinaryPrimitives.ReadUInt32BigEndian(Call(RpcWire.Sleep, RpcWire.UInt(milliseconds)));

    public ulong Burn(uint microseconds) => BinaryPrimitives.ReadUInt64BigEndian(Call(RpcWire.Burn, RpcWire.UInt(microseconds)));

    public ulong Add(ulong amount) => BinaryPrimitives.ReadUInt64BigEndian(Call(RpcWire.Add, RpcWire.Hyper(amount)));

    public WhoamiResult Whoami()
    {
        byte[] results = Call(RpcWire.Whoami);
        return new(
            BinaryPrimitives.ReadUInt32BigEndian(results),
            BinaryPrimitives.ReadUInt32BigEndian(results.AsSpan(4)),
            BinaryPrimitives.ReadUInt64BigEndian(results.AsSpan(8)),
            Encoding.UTF8.GetString(results, 20, (int)BinaryPrimitives.ReadUInt32BigEndian(results.AsSpan(16))));
    }

    /// <summary>Sends a call without waiting for its reply.</summary>
    /// <returns>Its xid.</returns>
    public uint Begin(uint procedure, params byte[] arguments)
    {
        Send(RpcWire.Call(++_xid, procedure, arguments));
        return _xid;
    }

    /// <summary>Sends so many calls without waiting for their replies; on a stream at once.</summary>
    /// <returns>Their xids.</returns>
    public uint[] BeginTogether(int calls, uint procedure)
    {
        if (!server.IsStream)
            return [.. Enumerable.Range(0, calls).Select(_ => Begin(procedure))];
        uint[] xids = [.. Enumerable.Range(0, calls).Select(_ => ++_xid)];
        Client.Send([.. xids.SelectMany(xid => RpcWire.CallRecord(xid, procedure))]);
        return xids;
    }

    /// <summary>Sends a call message as it is.</summary>
    public void Send(byte[] call) => Client.Send(server.IsStream ? RpcWire.Record(call) : call);

    /// <summary>Sends a call message and receives the next one, as they are.</summary>
    public byte[] Exchange(byte[] call)
    {
        Send(call);
        return ReceiveRecord();
    }

    /// <summary>The results of the reply to this call, which must be a success. Replies to other calls are kept for their turn.</summary>
    public byte[] Finish(uint xid)
    {
        byte[]? reply;
        while (!_early.Remove(xid, out reply))
        {
            byte[] next = ReceiveRecord();
            Assert.That(next, Has.Length.AtLeast(SuccessLength));
            _arrived.Add(BinaryPrimitives.ReadUInt32BigEndian(next));
            Assert.That(_early.TryAdd(_arrived[^1], next), Is.True, "each call is answered once");
        }

        Assert.That(
            reply[..SuccessLength], Is.EqualTo((byte[])[.. RpcWire.UInt(xid), 0, 0, 0, 1, .. new byte[16]]), "an accepted reply to this call");
        return reply[SuccessLength..];
    }

    /// <summary>The next record, its fragments put together; or the next message, where boundaries are kept.</summary>
    public byte[] ReceiveRecord()
    {
        if (!server.IsStream)
            return Client.ReceiveMessage();
        using MemoryStream record = new();
        uint header;
        do
        {
            header = BinaryPrimitives.ReadUInt32BigEndian(Client.Receive(4));
            record.Write(Client.Receive((int)(header & 0x7fff_ffff)));
        }
        while ((header & 0x8000_0000) == 0);
        return record.ToArray();
    }

    public void Dispose() => Client.Dispose();

    private byte[] Call(uint procedure, params byte[] arguments) => Finish(Begin(procedure, arguments));
}
