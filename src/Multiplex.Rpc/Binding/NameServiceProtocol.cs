using System.Buffers.Binary;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Server;
using Multiplex.Sockets;

namespace Multiplex.Rpc.Binding;

/// <summary>
/// A name service as a server's protocol: RPC, but over UDP with a limit to how long replies may be, and without a reply to calls
/// for others that fail.
/// </summary>
/// <remarks>
/// The reply to a datagram with a false source address goes to that address, so a reply that is far longer than its call multiplies
/// what the sender can flood it with. Such a reply is SYSTEM_ERR instead, which is shorter than any call; over a stream, where the caller's
/// address is proven, it is sent as it is.
/// </remarks>
/// <param name="service">The name service.</param>
/// <param name="amplification">How many times as long as its call a reply over UDP may be.</param>
public sealed class NameServiceProtocol(NameService service, int amplification = NameServiceProtocol.UsualAmplification) : IProtocol, IDisposable
{
    /// <summary>The usual limit: enough for the replies that a client needs before a call, too little for lists.</summary>
    public const int UsualAmplification = 2;

    private const int LongestRecord = 9000;   // RPC_MAXDATASIZE of the C library
    private const int ReplyStatusOffset = 8, AcceptStatusOffset = 20;   // in a reply

    private readonly RpcProtocol _rpc = new(service.Programs()) { MaxRecord = LongestRecord };

    /// <inheritdoc/>
    public ReplyOrder ReplyOrder => _rpc.ReplyOrder;

    /// <inheritdoc/>
    public void Open(ServerCounters counters)
    {
        service.Counters = counters;
        _rpc.Open(counters);
        if (service.Indirect is { } calls)
            calls.Counters = counters;
    }

    /// <inheritdoc/>
    public void Dispose() => _rpc.Dispose();

    /// <inheritdoc/>
    public int Frame(ReadOnlySpan<byte> received, ref FramingProgress progress) => _rpc.Frame(received, ref progress);

    /// <inheritdoc/>
    public bool IsFrameQuick(ReadOnlySpan<byte> frame) => _rpc.IsFrameQuick(frame);

    /// <inheritdoc/>
    public bool IsMessageQuick(ReadOnlySpan<byte> message) => _rpc.IsMessageQuick(message);

    /// <inheritdoc/>
    public bool AnswerFrame(ReadOnlySpan<byte> frame, in Peer peer, OutputBuffer reply) => _rpc.AnswerFrame(frame, peer, reply);

    /// <inheritdoc/>
    public bool AnswerMessage(ReadOnlySpan<byte> message, in Peer peer, OutputBuffer reply)
    {
        int start = reply.Length;
        if (!_rpc.AnswerMessage(message, peer, reply))
            return false;
        if (peer.Kind != EndpointKind.Udp)
            return true;
        if (IsCallForOthers(message) && !IsSuccess(reply.Written[start..]))
        {
            reply.Truncate(start);
        }
        else if (reply.Length - start > (long)message.Length * amplification)
        {
            reply.Truncate(start);
            ReplyWriter.Accepted(reply, BinaryPrimitives.ReadUInt32BigEndian(message), AcceptStatus.SystemError);
        }

        return true;
    }

    // CALLIT and BCAST are mostly broadcast: an error from each machine without the program would flood the caller. RFC 1833 section 3.2.
    private static bool IsCallForOthers(ReadOnlySpan<byte> call) =>
        WordAt(call, CallHeader.ProgramOffset) == NameService.Program && WordAt(call, CallHeader.ProcedureOffset) == (uint)RpcbindProcedure.CallIt;

    // MSG_ACCEPTED, and SUCCESS
    private static bool IsSuccess(ReadOnlySpan<byte> reply) =>
        WordAt(reply, ReplyStatusOffset) == (uint)ReplyStatus.Accepted && WordAt(reply, AcceptStatusOffset) == (uint)AcceptStatus.Success;

    // Not every call that has a reply has all the words of a call, nor every reply those of a success.
    private static uint? WordAt(ReadOnlySpan<byte> message, int offset) =>
        BinaryPrimitives.TryReadUInt32BigEndian(offset < message.Length ? message[offset..] : default, out uint word) ? word : null;
}
