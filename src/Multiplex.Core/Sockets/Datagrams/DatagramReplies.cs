using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets.Datagrams;

/// <summary>
/// Replies to datagrams, which stand behind each other in one buffer and are sent with one call, sendmmsg(2). Replies of equal length to one sender are one
/// message, which the kernel divides: UDP_SEGMENT of udp(7). They pass through the layers of the network once.
/// </summary>
/// <param name="most">How many can be noted.</param>
/// <param name="segments">Whether the socket is one of UDP.</param>
internal sealed unsafe class DatagramReplies(int most, bool segments)
{
    private readonly mmsghdr[] _messages = GC.AllocateArray<mmsghdr>(most, pinned: true);
    private readonly iovec[] _from = GC.AllocateArray<iovec>(most, pinned: true);
    private readonly SegmentControl[] _controls = GC.AllocateArray<SegmentControl>(segments ? most : 0, pinned: true);
    private readonly Group[] _groups = new Group[most];
    private int _count;
    private int _longestSegment = segments ? UdpSegments.MostBytes / 2 : 0;   // 0: each is a message of its own

    /// <summary>How many can be noted.</summary>
    public int Most => most;

    /// <summary>How many bytes the kernel took at the last <see cref="Send"/>.</summary>
    public long SentBytes { get; private set; }

    /// <summary>Forgets those that were noted.</summary>
    public void Clear() => _count = 0;

    /// <summary>Notes a reply.</summary>
    /// <param name="to">Where it goes, in memory that stays where it is.</param>
    /// <param name="start">Where it begins in the buffer.</param>
    /// <param name="length">Bytes.</param>
    public void Add(DatagramOrigin* to, int start, int length)
    {
        if (_count > 0 && _groups[_count - 1].TryAppend(to, start, length, _longestSegment))
            return;
        _groups[_count++] = new() { To = to, Start = start, Length = length, Segment = length, Count = 1 };
    }

    /// <summary>Sends those that were noted.</summary>
    /// <returns>How many could not be sent.</returns>
    public int Send(int fd, ReadOnlySpan<byte> buffer)
    {
        int dropped = 0;
        SentBytes = 0;
        fixed (byte* bytes = buffer)
        {
            for (int i = 0; i < _count; i++)
            {
                ref readonly Group group = ref _groups[i];
                _from[i] = new() { iov_base = bytes + group.Start, iov_len = (nuint)group.Length };
                ref msghdr header = ref _messages[i].msg_hdr;
                header = DatagramOrigin.HeaderTo(group.To);
                header.msg_iov = Pinned.At(_from, i);
                header.msg_iovlen = 1;
                if (group.Count > 1)
                    Pinned.At(_controls, i)->AddTo(ref header, group.Segment);
            }

            // An error is that of the first; the next may go to another client.
            for (int done = 0; done < _count;)
            {
                SyscallResult result = sendmmsg(fd, _messages.AsSpan(done, _count - done), MSG_DONTWAIT | MSG_NOSIGNAL);
                if (result.IsError)
                    dropped += SendApart(fd, buffer, _groups[done], result.Errno);
                for (int sent = 0; sent < result.Value; sent++)
                    SentBytes += _groups[done + sent].Length;
                done += result.IsError ? 1 : (int)result.Value;
            }
        }

        _count = 0;
        return dropped;
    }

    // Where the kernel does not divide, and for whatever else it refuses: each datagram has its own answer.
    private int SendApart(int fd, ReadOnlySpan<byte> buffer, in Group group, int errno)
    {
        if (group.Count == 1)
            return 1;
        int dropped = 0;
        for (int start = 0; start < group.Length; start += group.Segment)
        {
            ReadOnlySpan<byte> reply = buffer.Slice(group.Start + start, Math.Min(group.Segment, group.Length - start));
            SyscallResult result = DatagramBatch.SendOne(fd, *group.To, reply);
            if (result.IsError)
                dropped++;
            SentBytes += Math.Max(0, result.Value);
        }

        // Only what was refused for being joined says something of the next ones.
        if (dropped == 0 && UdpSegments.IsRefusal(errno))
            _longestSegment = Math.Min(_longestSegment, group.Segment - 1);
        return dropped;
    }

    // Replies of equal length to one sender, the last of which may be shorter; or one.
    private struct Group
    {
        public DatagramOrigin* To;
        public int Start;
        public int Length;
        public int Segment;
        public int Count;

        public bool TryAppend(DatagramOrigin* to, int start, int length, int longest)
        {
            bool fits = length <= Segment && Segment <= longest && length > 0
                && Length == Count * Segment && Count < UdpSegments.Most && Length + length <= UdpSegments.MostBytes
                && start == Start + Length
                && (to == To || to->LeadsAs(*To));
            if (!fits)
                return false;
            Length += length;
            Count++;
            return true;
        }
    }

    // The address that a message leaves from, and the length of its segments: cmsg(3).
    private struct SegmentControl
    {
        private const int Room = DatagramOrigin.ControlRoom + 24;

        private fixed byte _bytes[Room];

        public void AddTo(ref msghdr header, int segment)
        {
            int source = (int)header.msg_controllen;
            fixed (byte* bytes = _bytes)
            {
                new ReadOnlySpan<byte>(header.msg_control, source).CopyTo(new(bytes, Room));
                int aligned = (int)CMSG_SPACE((nuint)source) - (int)CMSG_SPACE(0);
                cmsghdr* added = (cmsghdr*)(bytes + aligned);
                UdpSegments.Write(added, segment);
                header.msg_control = bytes;
                header.msg_controllen = (nuint)aligned + CMSG_SPACE(sizeof(ushort));
            }
        }
    }
}
