using Multiplex.Interop;
using Multiplex.Load.Workload;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Engine;

/// <summary>A connection that is made and never used: what a server pays for it, and whether others notice, is the question.</summary>
internal sealed class IdleConnection(LoadContext context) : LoadConnection(context)
{
    public override Interest Wanted => Interest.Readable;

    public override ConnectionState Start(long now) => ConnectionState.Open;

    // Nothing was asked, so whatever comes is the end.
    public override ConnectionState Serve(Interest ready)
    {
        SyscallResult result = recv(Descriptor, Context.Buffer, 0);
        if (result.Is(EAGAIN))
            return ConnectionState.Open;
        if (result.Value > 0)
            Context.Recorder.Errors.WrongReplies++;
        return result.Value > 0 ? ConnectionState.Broken : Disconnected(result);
    }

    public override ConnectionState Tick(long now) => ConnectionState.Open;
}

/// <summary>How much of a slow stream may pass by now.</summary>
internal struct Allowance(int bytesPerSecond)
{
    private long _since;

    /// <summary>The bytes of the time since the last call: at least one.</summary>
    public int Take(long now)
    {
        long elapsed = _since == 0 ? 0 : now - _since;
        _since = now;
        return (int)Math.Clamp(elapsed * bytesPerSecond / 1_000_000_000, 1, int.MaxValue);
    }
}

/// <summary>
/// A client that asks as much as it is let, and reads little of what it gets: a server has to stop reading from it, or it
/// collects replies until memory ends.
/// </summary>
internal sealed class SlowReader(LoadContext context, uint seed) : StreamConnection(context, seed)
{
    private const int MostUnderWay = 1 << 20;   // bytes
    private const int DeepestWindow = 4096;

    private Allowance _allowance = new(context.Options.SlowBytesPerS);

    public override Interest Wanted => HasUnsent ? Interest.Writable : Interest.None;

    public override bool IsMeasured => false;

    /// <summary>The options of slow readers: many requests at a time.</summary>
    public static LoadOptions Of(LoadOptions options, int requestLength) =>
        options with { Arrivals = null, CallsPerConnection = 0, Depth = Math.Clamp(MostUnderWay / requestLength, 1, DeepestWindow) };

    // Hang-ups are told even to those who ask for nothing: epoll_ctl(2).
    public override ConnectionState Serve(Interest ready) =>
        ready == (Interest.Readable | Interest.Writable) ? Receive(int.MaxValue) : base.Serve(ready);

    public override ConnectionState Tick(long now) => Receive(_allowance.Take(now));
}

/// <summary>A client whose requests trickle in: a server must not lend it a thread for that long, nor more memory than has arrived.</summary>
internal sealed class SlowWriter(LoadContext context, uint seed) : StreamConnection(context, seed)
{
    private Allowance _allowance = new(context.Options.SlowBytesPerS);

    public override Interest Wanted => Interest.Readable;

    public override bool IsMeasured => false;

    /// <summary>The options of slow writers: one request at a time.</summary>
    public static LoadOptions Of(LoadOptions options) => options with { Arrivals = null, CallsPerConnection = 0, Depth = 1 };

    public override ConnectionState Serve(Interest ready) => Receive(int.MaxValue);

    public override ConnectionState Tick(long now) => HasUnsent ? SendUnsent(_allowance.Take(now)) : ConnectionState.Open;

    protected override ConnectionState Send(ReadOnlySpan<byte> batch)
    {
        Postpone(batch);
        return ConnectionState.Open;
    }
}
