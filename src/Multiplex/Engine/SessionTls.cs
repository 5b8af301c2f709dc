using Multiplex.Tls;

namespace Multiplex.Engine;

/// <summary>TLS of a session: what its peer sends and receives is ciphertext, and all else of the session is plaintext.</summary>
/// <param name="context">The server's side.</param>
/// <param name="pipe">The thread's.</param>
internal sealed class SessionTls(TlsContext context, TlsPipe pipe)
{
    private readonly TlsFilter _filter = new(context, pipe);

    /// <summary>How far it is.</summary>
    public TlsState State => _filter.State;

    /// <summary>The peer's identity from the handshake; null before that is done.</summary>
    public TlsPeer? Peer => _filter.Peer;

    /// <summary>Bytes of memory that it owns.</summary>
    public long Memory => _filter.Memory;

    /// <summary>Ciphertext has been received: gives the plaintext.</summary>
    /// <param name="ciphertext">The bytes.</param>
    /// <param name="buffer">Receives the array of the plaintext, to be returned to the pool of <see cref="LargeBufferPool"/> once that has been taken.</param>
    /// <param name="counters">Where it is counted how the handshake ends.</param>
    public ReadOnlySpan<byte> Open(ReadOnlySpan<byte> ciphertext, out byte[] buffer, ServerCounters counters)
    {
        bool wasOpen = Peer is not null;
        buffer = LargeBufferPool.Pool.Rent(ciphertext.Length + TlsFilter.LongestRecord);
        int count = _filter.Open(ciphertext, buffer);
        if (!wasOpen && Peer is not null)
            counters.Increment(Counter.TlsConnections);
        if (State == TlsState.Failed)
            counters.Increment(Counter.TlsFailures);
        return buffer.AsSpan(0, count);
    }

    /// <summary>Since when the rest of a handshake or of a record is awaited, in milliseconds; 0 when none is.</summary>
    /// <param name="before">What it was before.</param>
    /// <param name="now">The time.</param>
    public long AwaitsSince(long before, long now) =>
        State == TlsState.Handshaking ? before
        : !_filter.AwaitsRest ? 0
        : before == 0 ? now
        : before;

    /// <summary>Replaces replies at the end of a buffer by the ciphertext to send.</summary>
    /// <param name="replies">The buffer.</param>
    /// <param name="start">Where the replies begin.</param>
    public void Seal(OutputBuffer replies, int start) => _filter.SealInPlace(replies, start);

    /// <summary>Gives the ciphertext of replies, until the next call.</summary>
    public ReadOnlySpan<byte> Seal(ReadOnlySpan<byte> replies)
    {
        pipe.Sealed.Clear(OutputBuffer.UsuallyKept);
        _filter.Seal(replies, pipe.Sealed);
        return pipe.Sealed.Written;
    }

    /// <summary>Appends what TLS itself has to send: its part of the handshake, or an alert.</summary>
    public void Flush(OutputBuffer ciphertext) => _filter.Seal([], ciphertext);

    /// <summary>Says that nothing more is sent.</summary>
    /// <param name="buffer">Receives the bytes that say so, in the place of what is in it.</param>
    public ReadOnlySpan<byte> Close(OutputBuffer buffer)
    {
        buffer.Clear();
        _filter.Close(buffer);
        return buffer.Written;
    }

    /// <summary>The connection is closed.</summary>
    public void Release() => _filter.Release();
}
