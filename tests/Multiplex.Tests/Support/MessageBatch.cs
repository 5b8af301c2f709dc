using System.Runtime.InteropServices;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Support;

/// <summary>Messages of one buffer and one address each, in memory that the collector does not move.</summary>
internal sealed unsafe class MessageBatch : IDisposable
{
    private const int AddressRoom = 128;

    private readonly int _count;
    private readonly int _room;
    private readonly mmsghdr* _messages;
    private readonly iovec* _parts;
    private readonly byte* _bytes;

    public MessageBatch(int count, int room)
    {
        (_count, _room) = (count, room);
        _messages = (mmsghdr*)NativeMemory.AllocZeroed((nuint)count, (nuint)sizeof(mmsghdr));
        _parts = (iovec*)NativeMemory.AllocZeroed((nuint)count, (nuint)sizeof(iovec));
        _bytes = (byte*)NativeMemory.AllocZeroed((nuint)count, (nuint)(room + AddressRoom));
        for (int i = 0; i < count; i++)
        {
            byte* start = _bytes + (i * (room + AddressRoom));
            _parts[i] = new() { iov_base = start, iov_len = (nuint)room };
            _messages[i].msg_hdr = new()
            {
                msg_name = start + room,
                msg_namelen = AddressRoom,
                msg_iov = &_parts[i],
                msg_iovlen = 1,
            };
        }
    }

    public Span<mmsghdr> Messages => new(_messages, _count);

    public void Fill(int index, byte[] address, byte[] bytes)
    {
        address.CopyTo(new Span<byte>(_messages[index].msg_hdr.msg_name, AddressRoom));
        _messages[index].msg_hdr.msg_namelen = (uint)address.Length;
        bytes.CopyTo(new Span<byte>(_parts[index].iov_base, _room));
        _parts[index].iov_len = (nuint)bytes.Length;
    }

    public byte[] Bytes(int index) => new Span<byte>(_parts[index].iov_base, (int)_messages[index].msg_len).ToArray();

    public byte[] Address(int index) =>
        new Span<byte>(_messages[index].msg_hdr.msg_name, (int)_messages[index].msg_hdr.msg_namelen).ToArray();

    public void Dispose()
    {
        NativeMemory.Free(_messages);
        NativeMemory.Free(_parts);
        NativeMemory.Free(_bytes);
    }
}
