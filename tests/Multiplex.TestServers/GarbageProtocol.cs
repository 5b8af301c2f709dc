using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Multiplex.TestServers;

/// <summary>
/// Requests of eight bytes, a big-endian number. Each is answered with the server's count of requests so far, after as
/// about as many bytes of garbage as the number says, in pieces from small to large, and two collections: what is hard on a runtime
/// that has been forked. Before the first fork it keeps the parent's finalizer thread busy for a while; children have no such thread.
/// </summary>
internal sealed class GarbageProtocol(ServerCounters counters) : IProtocol
{
    public const int RequestLength = sizeof(long);

    private const int LargestPiece = 200_000;   // beyond 85,000 bytes an object goes to the large object heap

    private readonly Counter _calls = Counter.Calls, _sum = Counter.Sum;   // registered before the first fork

    public void Open(ServerCounters serverCounters)
    {
        DropFinalizable();
        GC.Collect();
    }

    public int Frame(ReadOnlySpan<byte> received, ref FramingProgress progress) =>
        received.Length < RequestLength ? FrameResult.Incomplete : RequestLength;

    public bool AnswerFrame(ReadOnlySpan<byte> frame, in Peer peer, OutputBuffer reply)
    {
        counters.Increment(_calls);
        List<object> kept = [];
        for (int left = (int)(BinaryPrimitives.ReadInt64BigEndian(frame) & 0xf_ffff), length = 16; left > 0; length *= 3)
        {
            length = Math.Min(length, LargestPiece);
            kept.Add(new byte[length]);
            kept.Add(new string('x', length / 2));
            left -= 2 * length;
            if (kept.Count == 4)
                GC.Collect();
        }

        DropFinalizable();
        GC.Collect();
        GC.KeepAlive(kept);
        BinaryPrimitives.WriteInt64BigEndian(reply.Append(RequestLength), counters.Increment(_sum));
        return true;
    }

    public bool AnswerMessage(ReadOnlySpan<byte> message, in Peer peer, OutputBuffer reply) =>
        message.Length == RequestLength && AnswerFrame(message, peer, reply);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void DropFinalizable() => GC.KeepAlive(new SlowToFinalize());

    private sealed class SlowToFinalize
    {
        ~SlowToFinalize()
        {
            for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start).TotalMilliseconds < 100;)
            {
            }
        }
    }
}
