using Multiplex.Rpc.Messages;

namespace Multiplex.Check.Calls;

/// <summary>The replies on a stream: records, of one fragment or several.</summary>
internal sealed class ReplyReader(CheckClient client)
{
    private const int LongestReply = 64 * 1024;   // those to calls that return nothing, or that are refused, have some 30 bytes

    private readonly byte[] _buffer = new byte[LongestReply];
    private readonly byte[] _message = new byte[LongestReply];
    private int _start, _end;

    /// <summary>The client.</summary>
    public CheckClient Client => client;

    /// <summary>The next one.</summary>
    /// <exception cref="ServerFaultException">None came in time, or what came is none.</exception>
    public Reply Next()
    {
        FramingProgress progress = default;
        int length;
        while ((length = RecordMarking.Frame(_buffer.AsSpan(_start.._end), ref progress, LongestReply)) == FrameResult.Incomplete)
            ReceiveMore();
        if (length < 0)
            throw client.Fault("what came is no record of RFC 5531 section 11, or one of more than 64 KiB");
        int message = RecordMarking.Reassemble(_buffer.AsSpan(_start, length), _message);
        _start += length;
        return Reply.Of(_message.AsSpan(0, message), client);
    }

    private void ReceiveMore()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start.._end).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        if (_end == _buffer.Length)
            throw client.Fault($"a reply of more than {LongestReply:N0} bytes came");
        _end += client.ReceiveSome(_buffer.AsSpan(_end), "reply");
    }
}
