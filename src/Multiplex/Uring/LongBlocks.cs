using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Uring;

/// <summary>
/// Memory for long requests and replies, in blocks that the longest usual one fits into: nothing is copied from one array to the
/// next as it grows. Of a new block only the pages that are written to are memory. Some are kept for the next who needs one.
/// </summary>
internal sealed unsafe class LongBlocks : IDisposable
{
    /// <summary>From how many bytes on to use a block.</summary>
    public const int Least = 64 * 1024;

    /// <summary>Bytes of a block.</summary>
    public const int Size = MessageSize.LongestTaken;

    private const int MostKept = 16;

    private readonly Stack<nint> _kept = new(MostKept);

    /// <summary>A block, with whatever is in it.</summary>
    public byte* Take() => _kept.TryPop(out nint block) ? (byte*)block : (byte*)mmap(Size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

    /// <summary>A block is not needed any more.</summary>
    public void GiveBack(byte* block)
    {
        if (_kept.Count < MostKept)
            _kept.Push((nint)block);
        else
            munmap(block, Size);
    }

    /// <summary>Gives back those that are kept.</summary>
    public void Dispose()
    {
        while (_kept.TryPop(out nint block))
            munmap((byte*)block, Size);
    }
}
