using System.Buffers.Binary;
using System.Diagnostics;
using Multiplex.Sockets;

namespace Multiplex.Check.Calls;

/// <summary>A client that calls, over a stream or by datagrams.</summary>
internal sealed class CallClient : IDisposable
{
    private static readonly TimeSpan s_resend = TimeSpan.FromSeconds(1);

    private readonly TimeSpan _timeout;
    private readonly ReplyReader? _stream;   // null: datagrams

    /// <summary>Connects.</summary>
    public CallClient(ServerUnderCheck server, string name = "the client")
    {
        Client = server.Connect(name);
        _timeout = server.Timeout;
        _stream = server.Endpoint.Kind.IsDatagram() ? null : new(Client);
    }

    /// <summary>Its socket.</summary>
    public CheckClient Client { get; }

    /// <summary>Calls, and returns the reply. A datagram may be lost, and so is sent again each second.</summary>
    /// <param name="message">The call message.</param>
    /// <exception cref="ServerFaultException">No reply came in time, or one to another call.</exception>
    public Reply Call(byte[] message)
    {
        uint xid = BinaryPrimitives.ReadUInt32BigEndian(message);
        if (_stream is null)
            return CallByDatagram(message, xid);
        Client.Send(CallExchange.Record(message));
        Reply reply = _stream.Next();
        return reply.Xid == xid ? reply : throw Client.Fault($"the reply has xid 0x{reply.Xid:x8}, the call has 0x{xid:x8}");
    }

    /// <inheritdoc/>
    public void Dispose() => Client.Dispose();

    // A reply to an earlier call may come late.
    private Reply CallByDatagram(byte[] message, uint xid)
    {
        long start = Stopwatch.GetTimestamp();
        do
        {
            Client.Send(message);
            for (ReadOnlySpan<byte> datagram = Client.ReceiveDatagram(s_resend); !datagram.IsEmpty; datagram = Client.ReceiveDatagram(s_resend))
            {
                Reply reply = Reply.Of(datagram, Client);
                if (reply.Xid == xid)
                    return reply;
            }
        }
        while (Stopwatch.GetElapsedTime(start) < _timeout);
        throw Client.Fault($"no reply came within {_timeout.TotalSeconds:0.###} s");
    }
}
