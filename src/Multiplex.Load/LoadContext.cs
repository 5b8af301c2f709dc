namespace Multiplex.Load;

/// <summary>What the connections of one client thread share. Times are of Stopwatch, which on Linux counts nanoseconds.</summary>
internal sealed class LoadContext
{
    private const int StreamBufferLength = 64 * 1024;

    public LoadContext(LoadOptions options, LoadRecorder recorder)
    {
        Options = options;
        Recorder = recorder;
        Exchange = options.Exchange();
        RequestLength = Exchange.LongestRequest;
        Buffer = GC.AllocateUninitializedArray<byte>(Math.Max(StreamBufferLength, RequestLength));
    }

    /// <summary>What load to make.</summary>
    public LoadOptions Options { get; }

    /// <summary>Makes the requests, and checks the replies.</summary>
    public IExchange Exchange { get; }

    /// <summary>How long a request is at most, in bytes; its reply is no longer, or fits into 64 KiB.</summary>
    public int RequestLength { get; }

    /// <summary>What is measured.</summary>
    public LoadRecorder Recorder { get; }

    /// <summary>Says when requests are asked; null is a closed loop without a pause: at once.</summary>
    public Pace? Pace { get; init; }

    /// <summary>Where requests are written before they are sent.</summary>
    public OutputBuffer Batch { get; } = new();

    /// <summary>Where replies are received.</summary>
    public byte[] Buffer { get; }

    /// <summary>A time in nanoseconds.</summary>
    public static long Nanoseconds(TimeSpan time) => (long)(time.TotalSeconds * 1e9);
}
