using System.Numerics;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load;

/// <summary>One connection of the load generator: its requests under way, and the bytes that are not whole replies yet.</summary>
internal sealed class LoadConnection
{
    private readonly long[] _sentAt;   // by sequence, a ring: when each request under way was sent
    private readonly OutputBuffer _unsent = new();
    private int _unsentStart;
    private uint _nextRequest;
    private uint _nextReply;

    public LoadConnection(int depth) => _sentAt = new long[BitOperations.RoundUpToPowerOf2((uint)depth)];

    /// <summary>The socket, or -1 while there is none.</summary>
    public int Descriptor { get; private set; } = -1;

    /// <summary>What the multiplexer watches for.</summary>
    public Interest Watched { get; set; }

    /// <summary>Replies since the connection was made.</summary>
    public int Answered { get; private set; }

    /// <summary>The number of the reply that is due next.</summary>
    public uint NextReply => _nextReply;

    /// <summary>Bytes received that are not a whole reply yet.</summary>
    public byte[] Partial { get; set; } = [];

    /// <summary>How many of them count.</summary>
    public int PartialLength { get; set; }

    /// <summary>Whether the kernel did not take all that was to be sent.</summary>
    public bool HasUnsent => _unsent.Length > _unsentStart;

    /// <summary>When the oldest request under way was sent, or null.</summary>
    public long? OldestSentAt => _nextReply == _nextRequest ? null : _sentAt[_nextReply & (_sentAt.Length - 1)];

    /// <summary>A socket has been connected.</summary>
    public void Open(int descriptor)
    {
        Descriptor = descriptor;
        Watched = Interest.Readable;
        Answered = 0;
        PartialLength = 0;
        _nextReply = _nextRequest;
        _unsent.Clear();
        _unsentStart = 0;
    }

    /// <summary>Closes the socket; with <paramref name="reset"/> at once, so that no port is left in TIME_WAIT.</summary>
    public void Close(bool reset)
    {
        if (reset)
            setsockopt(Descriptor, SOL_SOCKET, SO_LINGER, new linger { l_onoff = 1 });
        close(Descriptor);
        Descriptor = -1;
    }

    /// <summary>Appends the next request to a batch and notes when.</summary>
    public void Ask(IExchange exchange, OutputBuffer batch, long now)
    {
        _sentAt[_nextRequest & (_sentAt.Length - 1)] = now;
        exchange.Write(batch, _nextRequest++);
    }

    /// <summary>The reply that is due next has come.</summary>
    /// <returns>When its request was sent.</returns>
    public long Receive()
    {
        Answered++;
        return _sentAt[_nextReply++ & (_sentAt.Length - 1)];
    }

    /// <summary>Sends a batch, or the rest of an earlier one; what the kernel does not take is kept.</summary>
    /// <returns>The bytes sent, or the errno.</returns>
    public SyscallResult Send(ReadOnlySpan<byte> batch)
    {
        if (HasUnsent)
        {
            _unsent.Write(batch);
            batch = _unsent.Written[_unsentStart..];
        }

        SyscallResult result = send(Descriptor, batch, MSG_NOSIGNAL);
        if (result.IsError && !result.Is(EAGAIN))
            return result;
        int sent = (int)Math.Max(result.Value, 0);
        if (HasUnsent)
            _unsentStart += sent;
        else if (sent < batch.Length)
            _unsent.Write(batch[sent..]);
        if (!HasUnsent)
        {
            _unsent.Clear();
            _unsentStart = 0;
        }

        return SyscallResult.Of(sent);
    }
}
