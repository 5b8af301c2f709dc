using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Servers;

/// <summary>
/// Shares the send buffer of a UNIX-domain datagram socket among its clients. A reply counts against the server's buffer until the client has
/// read it, and a client that has connected its socket has no limit of its own: one that never reads would fill the buffer, and no other
/// client would get a reply.
/// </summary>
/// <remarks>
/// A client may have at most as much unread as is still free, so one that never reads takes half of the buffer, a second one a third. The kernel
/// reports only how much all have not read, SIOCOUTQ of unix(7); it is put down to those that were sent most.
/// </remarks>
/// <param name="descriptor">The socket.</param>
internal sealed class SendBufferShares(int descriptor)
{
    private const int Overhead = 768;           // of the kernel for one datagram, in rough
    private const int LooksPerBuffer = 256;     // how often the kernel is asked while one buffer is filled; other processes may fill it too

    private const int UsualClients = 64;        // more of them take more memory, once

    private static readonly Comparison<KeyValuePair<ulong, long>> s_mostFirst = (one, other) => other.Value.CompareTo(one.Value);

    private readonly Dictionary<ulong, long> _unread = new(UsualClients);   // by client: what it was sent and may not have read
    private readonly List<KeyValuePair<ulong, long>> _most = new(UsualClients);
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
        if (_since == 0 || _since + bytes > _size / LooksPerBuffer)
            Look();
        _since += bytes;
        long unread = _unread.GetValueOrDefault(client);
        if (unread > _free - _since)
            return false;
        _unread[client] = unread + bytes;
        _queued += bytes;
        return true;
    }

    /// <summary>The replies that were taken have been handed to the kernel.</summary>
    public void Flushed() => _queued = 0;

    // What has been read is no longer counted: of the clients that were sent least.
    private void Look()
    {
        long unread = _queued + (ioctl(descriptor, SIOCOUTQ, out int pending).IsError ? 0 : pending);
        (_free, _since) = (_size - unread, 0);
        _most.Clear();
        _most.AddRange(_unread);
        _most.Sort(s_mostFirst);
        _unread.Clear();
        foreach ((ulong client, long bytes) in _most)
        {
            if (unread <= 0)
                break;
            _unread.Add(client, Math.Min(bytes, unread));
            unread -= bytes;
        }
    }
}
