using System.Diagnostics;

namespace Multiplex.Load;

/// <summary>What the connections of one client thread share.</summary>
internal sealed class LoadContext
{
    private const int StreamBufferLength = 64 * 1024;

    private static readonly double s_nanosecondsPerTick = 1e9 / Stopwatch.Frequency;

    public LoadContext(LoadOptions options)
    {
        Options = options;
        Exchange = options.Exchange();
        Exchange.Write(Batch, 0);
        RequestLength = Batch.Length;
        Buffer = GC.AllocateUninitializedArray<byte>(Math.Max(StreamBufferLength, RequestLength));
        Answered = new int[options.Depth];
    }

    /// <summary>What load to make.</summary>
    public LoadOptions Options { get; }

    /// <summary>Makes the requests, and checks the replies.</summary>
    public IExchange Exchange { get; }

    /// <summary>How long a request is, in bytes; its reply is no longer.</summary>
    public int RequestLength { get; }

    /// <summary>What was measured.</summary>
    public LoadTally Tally { get; } = new();

    /// <summary>Where requests are written before they are sent.</summary>
    public OutputBuffer Batch { get; } = new();

    /// <summary>Where replies are received.</summary>
    public byte[] Buffer { get; }

    /// <summary>Room for the slots of a window that have been answered.</summary>
    public int[] Answered { get; }

    /// <summary>A time as a difference of timestamps.</summary>
    public static long Ticks(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);

    /// <summary>Records the latency of a right reply.</summary>
    public void Record(long sentAt, long now) => Tally.Latencies.Record((long)((now - sentAt) * s_nanosecondsPerTick));
}
