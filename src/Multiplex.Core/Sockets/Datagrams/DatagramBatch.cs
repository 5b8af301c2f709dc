using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets.Datagrams;

/// <summary>
/// Datagrams that are received with one system call, and replies to them that are sent with one: recvmmsg(2), sendmmsg(2). Of a UDP socket
/// the kernel may give several datagrams of one sender as one message, and takes replies of equal length to one sender as one: UDP_GRO and UDP_SEGMENT of
/// udp(7). The kernel writes into native memory, of which pages are used only once a datagram needs them.
/// </summary>
internal sealed unsafe class DatagramBatch : IDisposable
{
    private readonly int _longest;
    private readonly mmsghdr[] _received;
    private readonly iovec[] _receivedInto;
    private readonly DatagramOrigin[] _origins;
    private readonly DatagramReplies _replies;
    private Part[] _parts;
    private byte* _memory;

    /// <summary>Makes room.</summary>
    /// <param name="count">Datagrams at once, or messages of several.</param>
    /// <param name="longest">Bytes of the longest one.</param>
    /// <param name="segments">Whether replies may leave as one message of several: UDP.</param>
    public DatagramBatch(int count, int longest, bool segments = false)
    {
        // Pinned: the kernel is given addresses within these arrays.
        _longest = longest;
        _received = GC.AllocateArray<mmsghdr>(count, pinned: true);
        _receivedInto = GC.AllocateArray<iovec>(count, pinned: true);
        _origins = GC.AllocateArray<DatagramOrigin>(count, pinned: true);
        _parts = new Part[count];
        _replies = new(segments ? Math.Max(count, UdpSegments.Most) : count, segments);
        _memory = (byte*)mmap(Size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        for (int i = 0; i < count; i++)
        {
            _receivedInto[i] = new() { iov_base = _memory + ((nint)i * longest), iov_len = (nuint)longest };
            ref msghdr header = ref _received[i].msg_hdr;
            header.msg_iov = Pinned.At(_receivedInto, i);
            header.msg_iovlen = 1;
            header.msg_name = Pinned.At(_origins, i)->Address;
            header.msg_control = Pinned.At(_origins, i)->Control;
        }
    }

    /// <summary>How many replies can be noted before <see cref="Send"/>.</summary>
    public int MostReplies => _replies.Most;

    private nuint Size => (nuint)_received.Length * (nuint)_longest;

    /// <summary>Takes what has come, as much as there is room for. What was there before is gone.</summary>
    /// <param name="fd">The socket.</param>
    /// <param name="waits">Whether to wait for the first one, on a socket that waits; a signal ends that.</param>
    /// <param name="atMost">How many messages to take, 1 at least; each is one datagram, or several of one sender.</param>
    /// <returns>How many datagrams, or the errno: EAGAIN when none has come, EINTR.</returns>
    public SyscallResult Receive(int fd, bool waits = false, int atMost = int.MaxValue)
    {
        _replies.Clear();
        Span<mmsghdr> room = _received.AsSpan(0, Math.Min(atMost, _received.Length));
        foreach (ref mmsghdr message in room)
        {
            message.msg_hdr.msg_namelen = DatagramOrigin.AddressRoom;
            message.msg_hdr.msg_controllen = DatagramOrigin.ControlRoom;
        }

        SyscallResult result = waits ? recvmmsg_once(fd, room, MSG_WAITFORONE) : recvmmsg(fd, room, MSG_DONTWAIT);
        if (result.IsError)
            return result;
        int datagrams = 0;
        for (int i = 0; i < result.Value; i++)
        {
            _origins[i].AddressLength = (int)Math.Min(_received[i].msg_hdr.msg_namelen, DatagramOrigin.AddressRoom);
            _origins[i].ReadControl((int)_received[i].msg_hdr.msg_controllen);
            Split(i, (int)Math.Min(_received[i].msg_len, (uint)_longest), _origins[i].SegmentLength, ref datagrams);
        }

        return SyscallResult.Of(datagrams);
    }

    /// <summary>Whether a datagram was longer than there was room for.</summary>
    public bool IsTruncated(int index) => (_received[_parts[index].Message].msg_hdr.msg_flags & MSG_TRUNC) != 0;

    /// <summary>The bytes of one of the datagrams received.</summary>
    public ReadOnlySpan<byte> Message(int index)
    {
        Part part = _parts[index];
        return new(_memory + ((nint)part.Message * _longest) + part.Start, part.Length);
    }

    /// <summary>Where it came from.</summary>
    public ref readonly DatagramOrigin Origin(int index) => ref _origins[_parts[index].Message];

    /// <summary>Notes a reply, to be sent with the others of the batch.</summary>
    /// <param name="to">The datagram that it answers.</param>
    /// <param name="start">Where it begins in what will be given to <see cref="Send"/>: behind the one before.</param>
    /// <param name="length">Bytes.</param>
    public void AddReply(int to, int start, int length) => _replies.Add(Pinned.At(_origins, _parts[to].Message), start, length);

    /// <summary>How many bytes the kernel took at the last <see cref="Send"/>.</summary>
    public long SentBytes => _replies.SentBytes;

    /// <summary>Sends the replies that were noted.</summary>
    /// <returns>How many could not be sent.</returns>
    public int Send(int fd, ReadOnlySpan<byte> replies) => _replies.Send(fd, replies);

    /// <summary>Sends one datagram back to where another came from.</summary>
    /// <returns>Bytes, or the errno: EAGAIN when there is no room, EMSGSIZE when it is too long for a datagram.</returns>
    public static SyscallResult SendOne(int fd, in DatagramOrigin to, ReadOnlySpan<byte> reply)
    {
        fixed (byte* bytes = reply)
        fixed (DatagramOrigin* origin = &to)
        {
            iovec part = new() { iov_base = bytes, iov_len = (nuint)reply.Length };
            msghdr header = DatagramOrigin.HeaderTo(origin);
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

    // A datagram of no bytes is one too.
    private void Split(int message, int length, int segment, ref int datagrams)
    {
        int start = 0;
        do
        {
            int part = segment == 0 ? length : Math.Min(segment, length - start);
            if (datagrams == _parts.Length)
                Array.Resize(ref _parts, 2 * _parts.Length);
            _parts[datagrams++] = new() { Message = message, Start = start, Length = part };
            start += part;
        }
        while (start < length);
    }

    // A datagram within a message.
    private struct Part
    {
        public int Message;
        public int Start;
        public int Length;
    }
}
