using Multiplex.Sockets.Datagrams;
using static Multiplex.Interop.Libc;

namespace Multiplex.Transports;

/// <summary>
/// Shares the send buffer of a UNIX-domain datagram socket among its clients. A reply counts against the server's buffer until the client has
/// read it, and a client that has connected its socket has no separate limit: one that never reads would fill the buffer, and no other
/// client would get a reply.
/// </summary>
/// <remarks>
/// A client may have at most as much unread as is still free, so one that never reads takes half of the buffer, a second one a third. The kernel
/// reports only the unread bytes of all clients together, SIOCOUTQ of unix(7); they are attributed to the clients that were sent most. All processes that share the socket
/// share the counts; the threads of <c>reactors</c> have counts of their own. Clients whose keys fall together share a count.
/// </remarks>
/// <param name="descriptor">The socket.</param>
internal sealed class SendBufferShares(int descriptor) : IDisposable
{
    private const int Shares = 256;
    private const int Overhead = 768;           // of the kernel for one datagram, in rough
    private const int LooksPerBuffer = 1024;    // how often the kernel is asked while one buffer is filled, if less than half of it is used

    private readonly SharedMemory _unread = new(Shares * sizeof(long));   // what clients were sent and may not have read
    private readonly long _size = getsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, out int size).IsError ? 0 : size;
    private long _free;     // of the buffer, when the kernel was asked last
    private long _since;    // bytes since then
    private long _queued;   // bytes that the kernel does not have yet

    /// <summary>Whether a client may have one more reply; if so, it is taken as sent.</summary>
    /// <param name="client">The client's <see cref="DatagramOrigin.Key"/>.</param>
    /// <param name="length">Bytes of the reply.</param>
    public bool Take(ulong client, int length)
    {
        long bytes = length + Overhead;
        if (_free < _size / 2 || _since + bytes > _size / LooksPerBuffer)
            Look();
        ref long unread = ref Unread((int)(client % Shares));
        if (Volatile.Read(ref unread) > _free - _since)
            return false;
        Interlocked.Add(ref unread, bytes);
        _since += bytes;
        _queued += bytes;
        return true;
    }

    /// <summary>The replies that were taken have been handed to the kernel.</summary>
    public void Flushed() => _queued = 0;

    /// <inheritdoc/>
    public void Dispose() => _unread.Dispose();

    // What has been read is no longer counted: of the clients that were sent least.
    private void Look()
    {
        long left = _queued + (ioctl(descriptor, SIOCOUTQ, out int pending).IsError ? 0 : pending);
        (_free, _since) = (_size - left, 0);
        Span<long> most = stackalloc long[Shares];
        Span<int> shares = stackalloc int[Shares];
        for (int share = 0; share < Shares; share++)
            (most[share], shares[share]) = (-Volatile.Read(ref Unread(share)), share);
        most.Sort(shares);
        for (int i = 0; i < Shares; i++)
        {
            long bytes = -most[i], kept = Math.Clamp(left, 0, Math.Max(0, bytes));
            if (bytes != kept)
                Interlocked.Add(ref Unread(shares[i]), kept - bytes);
            left -= kept;
        }
    }

    private ref long Unread(int share) => ref _unread.Word(share * sizeof(long));
}
