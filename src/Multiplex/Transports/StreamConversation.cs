using Multiplex.Engine;
using Multiplex.Sockets;

namespace Multiplex.Transports;

/// <summary>
/// A blocking conversation over bytes without boundaries: requests come in pieces, or many at once, and the replies to
/// all that came with one read leave with one send, unless one of them may take long.
/// </summary>
internal sealed class StreamConversation(IProtocol protocol, ServerOptions options)
{
    private const int InitialInput = 64 * 1024;

    private readonly OutputBuffer _replies = new();
    private readonly byte[] _first = GC.AllocateUninitializedArray<byte>(InitialInput);
    private byte[] _input = [];   // the first, or a longer one that was borrowed

    /// <summary>Serves until the conversation is over.</summary>
    public ConversationEnd Converse(ConversationSocket socket, PeerAddress peer)
    {
        _input = _first;
        ConversationEnd end = ReadAndAnswer(socket, peer);
        if (_input != _first)
            LargeArrays.Pool.Return(_input);
        _input = _first;
        _replies.Clear(OutputBuffer.UsuallyKept);
        return end;
    }

    private ConversationEnd ReadAndAnswer(ConversationSocket socket, PeerAddress peer)
    {
        FramingProgress framing = default;
        int length = 0;
        while (true)
        {
            if (length == _input.Length)
                Borrow(Math.Min(4L * length, Array.MaxLength));   // follows the bytes that came, not the length that was declared
            else if (length == 0 && _input != _first)
                Borrow(InitialInput);
            if (socket.Memory?.TryHold(_input.Length) == false)
                return ConversationEnd.MemoryLimit;
            int received = socket.Receive(_input.AsSpan(length), 0, isInRequest: length > 0, out ConversationEnd end);
            if (received == 0)
                return end;
            length += received;
            int start = 0;
            PumpStop stop;
            do
            {
                stop = RequestPump.Consume(
                    protocol,
                    _input.AsSpan(start, length - start),
                    ref framing,
                    peer.Peer,
                    _replies,
                    options.MaxPendingOutput,
                    out int consumed);
                start += consumed;
                if (socket.Send(_replies.Written) is not ConversationEnd.Finished and var failure)
                    return failure;
                _replies.Clear(OutputBuffer.UsuallyKept);
                if (stop == PumpStop.Paused && socket.HasFailed())
                    return ConversationEnd.Broken;
            }
            while (stop is PumpStop.OutputFull or PumpStop.Paused);

            if (stop == PumpStop.Malformed)
                return ConversationEnd.Malformed;
            if (start > 0)
                socket.EndRequest();
            length -= start;
            if (length > 0 && start > 0)
                _input.AsSpan(start, length).CopyTo(_input);
        }
    }
    private void Borrow(long length)
    {
        byte[] before = _input;
        _input = length <= InitialInput ? _first : LargeArrays.Pool.Rent((int)length);
        before.AsSpan(0, Math.Min(before.Length, _input.Length)).CopyTo(_input);
        if (before != _first)
            LargeArrays.Pool.Return(before);
    }
}
