using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets.Datagrams;

/// <summary>
/// Datagrams that are received with one system call, and replies to them that are sent with one: recvmmsg(2), sendmmsg(2).
/// The kernel writes into native memory, of which pages are used only once a datagram needs them.
/// </summary>
internal sealed unsafe class DatagramBatch : IDisposable
{
    private readonly int _longest;
    private readonly mmsghdr[] _received;
    private readonly iovec[] _receivedInto;
    private readonly DatagramOrigin[] _origins;
    private readonly mmsghdr[] _replies;
    private readonly iovec[] _repliesFrom;
    private readonly (int Start, int Length)[] _replyParts;
    private byte* _memory;
    private int _replyCount;

    /// <summary>Makes room.</summary>
    /// <param name="count">Datagrams at once.</param>
    /// <param name="longest">Bytes of the longest one.</param>
    public DatagramBatch(int count, int longest)
    {
        // Pinned: the kernel is given addresses within these arrays.
        _longest = longest;
        _received = GC.AllocateArray<mmsghdr>(count, pinned: true);
        _receivedInto = GC.AllocateArray<iovec>(count, pinned: true);
        _origins = GC.AllocateArray<DatagramOrigin>(count, pinned: true);
        _replies = GC.AllocateArray<mmsghdr>(count, pinned: true);
        _repliesFrom = GC.AllocateArray<iovec>(count, pinned: true);
        _replyParts = new (int, int)[count];
        _memory = (byte*)mmap(Size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        for (int i = 0; i < count; i++)
        {
            _receivedInto[i] = new() { iov_base = _memory + ((nint)i * longest), iov_len = (nuint)longest };
            ref msghdr header = ref _received[i].msg_hdr;
            header.msg_iov = At(_receivedInto, i);
            header.msg_iovlen = 1;
            header.msg_name = At(_origins, i)->Address;
            header.msg_control = At(_origins, i)->Control;
        }
    }

    private nuint Size => (nuint)_received.Length * (nuint)_longest;

    /// <summary>Takes what has come, as much as there is room for. What was there before is gone.</summary>
    /// <param name="fd">The socket.</param>
    /// <param name="waits">Whether to wait for the first one, on a socket that waits; a signal ends that.</param>
    /// <param name="atMost">How many to take, 1 at least.</param>
    /// <returns>How many datagrams, or the errno: EAGAIN when none has come, EINTR.</returns>
    public SyscallResult Receive(int fd, bool waits = false, int atMost = int.MaxValue)
    {
        _replyCount = 0;
        Span<mmsghdr> room = _received.AsSpan(0, Math.Min(atMost, _received.Length));
        foreach (ref mmsghdr message in room)
        {
            message.msg_hdr.msg_namelen = DatagramOrigin.AddressRoom;
            message.msg_hdr.msg_controllen = DatagramOrigin.ControlRoom;
        }

        SyscallResult result = waits ? recvmmsg_once(fd, room, MSG_WAITFORONE) : recvmmsg(fd, room, MSG_DONTWAIT);
        for (int i = 0; i < result.Value; i++)
        {
            _origins[i].AddressLength = (int)Math.Min(_received[i].msg_hdr.msg_namelen, DatagramOrigin.AddressRoom);
            _origins[i].ReadControl((int)_received[i].msg_hdr.msg_controllen);
        }

        return result;
    }

    /// <summary>Whether a datagram was longer than there was room for.</summary>
    public bool IsTruncated(int index) => (_received[index].msg_hdr.msg_flags & MSG_TRUNC) != 0;

    /// <summary>The bytes of one of the datagrams received.</summary>
    public ReadOnlySpan<byte> Message(int index) =>
        new(_memory + ((nint)index * _longest), (int)Math.Min(_received[index].msg_len, (uint)_longest));

    /// <summary>Where it came from.</summary>
    public ref readonly DatagramOrigin Origin(int index) => ref _origins[index];

    /// <summary>Notes a reply, to be sent with the others of the batch.</summary>
    /// <param name="to">The datagram that it answers.</param>
    /// <param name="start">Where it begins in what will be given to <see cref="Send"/>.</param>
    /// <param name="length">Bytes.</param>
    public void AddReply(int to, int start, int length)
    {
        _replyParts[_replyCount] = (start, length);
        _replies[_replyCount++].msg_hdr = HeaderTo(At(_origins, to));
    }

    /// <summary>Sends the replies that were noted.</summary>
    /// <returns>How many could not be sent.</returns>
    public int Send(int fd, ReadOnlySpan<byte> replies)
    {
        int dropped = 0;
        fixed (byte* bytes = replies)
        {
            for (int i = 0; i < _replyCount; i++)
            {
                _repliesFrom[i] = new() { iov_base = bytes + _replyParts[i].Start, iov_len = (nuint)_replyParts[i].Length };
                _replies[i].msg_hdr.msg_iov = At(_repliesFrom, i);
                _replies[i].msg_hdr.msg_iovlen = 1;
            }

            // An error is that of the first; the next may go to another client.
            for (int done = 0; done < _replyCount;)
            {
                SyscallResult result = sendmmsg(fd, _replies.AsSpan(done, _replyCount - done), MSG_DONTWAIT | MSG_NOSIGNAL);
                if (result.IsError)
                    dropped++;
                done += result.IsError ? 1 : (int)result.Value;
            }
        }

        _replyCount = 0;
        return dropped;
    }

    /// <summary>Sends one datagram back to where another came from.</summary>
    /// <returns>Bytes, or the errno: EAGAIN when there is no room, EMSGSIZE when it is too long for a datagram.</returns>
    public static SyscallResult SendOne(int fd, in DatagramOrigin to, ReadOnlySpan<byte> reply)
    {
        fixed (byte* bytes = reply)
        fixed (DatagramOrigin* origin = &to)
        {
            iovec part = new() { iov_base = bytes, iov_len = (nuint)reply.Length };
            msghdr header = HeaderTo(origin);
            header.msg_iov = &part;
            header.msg_iovlen = 1;
            return sendmsg(fd, header, MSG_DONTWAIT | MSG_NOSIGNAL);
        }
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        if (_memory is not null)
            munmap(_memory, Size);
        _memory = null;
    }

    private static msghdr HeaderTo(DatagramOrigin* origin) => new()
    {
        msg_name = origin->Address,
        msg_namelen = (uint)origin->AddressLength,
        msg_control = origin->ControlLength > 0 ? origin->Control : null,
        msg_controllen = (nuint)origin->ControlLength,
    };

    private static T* At<T>(T[] pinned, int index)
        where T : unmanaged
    {
        fixed (T* address = &pinned[index])
        {
            return address;   // pinned for good: still true after the block
        }
    }
}
