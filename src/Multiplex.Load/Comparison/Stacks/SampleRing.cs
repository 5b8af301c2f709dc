using System.Buffers.Binary;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Comparison.Stacks;

/// <summary>The memory that the kernel writes the records of one processor's events to: perf_event_open(2), "MMAP layout".</summary>
internal sealed unsafe class SampleRing : IDisposable
{
    private const int HeaderLength = 8;   // type, flags, length of the record
    private const int HeadOffset = 1024, TailOffset = 1032;
    private const int MostLength = 4 << 20, LeastLength = 1 << 17;   // records are up to 64 KiB

    private readonly byte* _memory;
    private readonly int _length;   // of the records' part, behind the first page
    private readonly byte[] _record = new byte[1 << 16];

    private SampleRing(byte* memory, int length)
    {
        _memory = memory;
        _length = length;
    }

    /// <summary>Takes one record: its type and what follows its header.</summary>
    public delegate void Taker(uint type, ReadOnlySpan<byte> body);

    /// <summary>Maps as much memory for an event as this user may lock: /proc/sys/kernel/perf_event_mlock_kb.</summary>
    /// <exception cref="SyscallException">Even little was refused.</exception>
    public static SampleRing Map(int descriptor)
    {
        for (int length = MostLength; ; length /= 2)
        {
            try
            {
                return new((byte*)mmap((nuint)(length + Environment.SystemPageSize), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor), length);
            }
            catch (SyscallException e) when (e.Errno is EPERM or ENOMEM && length > LeastLength)
            {
                // Half of it is tried next.
            }
        }
    }

    /// <summary>Passes all records that the kernel has written to <paramref name="take"/>, and frees their space.</summary>
    public void Take(Taker take)
    {
        ulong head = Volatile.Read(ref *(ulong*)(_memory + HeadOffset)), tail = *(ulong*)(_memory + TailOffset);
        while (tail < head)
        {
            Span<byte> record = _record.AsSpan(0, HeaderLength);
            Copy(tail, record);
            int length = BinaryPrimitives.ReadUInt16LittleEndian(record[6..]);
            record = _record.AsSpan(0, length);
            Copy(tail, record);
            take(BinaryPrimitives.ReadUInt32LittleEndian(record), record[HeaderLength..]);
            tail += (ulong)length;
        }

        Volatile.Write(ref *(ulong*)(_memory + TailOffset), tail);
    }

    public void Dispose() => munmap(_memory, (nuint)(_length + Environment.SystemPageSize));

    // A record may go on at the beginning of the memory.
    private void Copy(ulong from, Span<byte> to)
    {
        int at = (int)(from % (ulong)_length), first = Math.Min(to.Length, _length - at);
        byte* records = _memory + Environment.SystemPageSize;
        new ReadOnlySpan<byte>(records + at, first).CopyTo(to);
        new ReadOnlySpan<byte>(records, to.Length - first).CopyTo(to[first..]);
    }
}
