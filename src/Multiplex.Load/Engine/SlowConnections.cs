using Multiplex.Interop;
using Multiplex.Load.Workload;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Engine;

/// <summary>A connection that is made and never used. It shows what a server pays for it, and whether other clients notice.</summary>
internal sealed class IdleConnection(LoadContext context) : LoadConnection(context)
{
    public override Interest Wanted => Interest.Readable;

    public override bool Start(long now) => true;

    public override bool Tick(long now) => true;

    // Nothing was sent, so any event is the end.
    protected override bool Serve(Interest ready)
    {
        SyscallResult result = recv(Descriptor, Context.Buffer, 0);
        if (result.Value <= 0)
            return result.Is(EAGAIN) || Disconnected(result);
        Context.Recorder.Errors.WrongReplies++;
        return false;
    }
}

/// <summary>The budget of bytes of a slow stream.</summary>
internal struct Allowance(int bytesPerSecond)
{
    private long _since;

    /// <summary>The number of bytes for the time since the last call: at least one.</summary>
    public int Take(long now)
    {
        long elapsed = _since == 0 ? 0 : now - _since;
        _since = now;
        return (int)Math.Clamp(elapsed * bytesPerSecond / 1_000_000_000, 1, int.MaxValue);
    }
}

/// <summary>
/// A client that sends as many requests as the server reads, and reads few of the replies. A server must stop reading from it; otherwise
/// the replies fill the server's memory.
/// </summary>
internal sealed class SlowReader(LoadContext context, uint seed) : StreamConnection(context, seed)
{
    private const int MostInFlight = 1 << 20;   // bytes
    private const int DeepestWindow = 4096;

    private Allowance _allowance = new(context.Options.SlowBytesPerS);

    public override Interest Wanted => HasUnsent ? Interest.Writable : Interest.None;

    public override bool IsMeasured => false;

    /// <summary>The options of slow readers: many requests at a time.</summary>
    public static LoadOptions Of(LoadOptions options, int requestLength) =>
        options with { Arrivals = null, CallsPerConnection = 0, Depth = Math.Clamp(MostInFlight / requestLength, 1, DeepestWindow) };

    public override bool Tick(long now) => Receive(_allowance.Take(now));

    // epoll reports EPOLLHUP even if no event is requested: epoll_ctl(2).
    protected override bool Serve(Interest ready) =>
        ready == (Interest.Readable | Interest.Writable) ? Receive(int.MaxValue) : base.Serve(ready);
}

/// <summary>A client whose requests arrive slowly. A server must not occupy a thread for it meanwhile, nor more memory than the bytes received.</summary>
internal sealed class SlowWriter(LoadContext context, uint seed) : StreamConnection(context, seed)
{
    private Allowance _allowance = new(context.Options.SlowBytesPerS);

    public override Interest Wanted => Interest.Readable;

    public override bool IsMeasured => false;

    /// <summary>The options of slow writers: one request at a time.</summary>
    public static LoadOptions Of(LoadOptions options) => options with { Arrivals = null, CallsPerConnection = 0, Depth = 1 };

    public override bool Tick(long now) => !HasUnsent || SendUnsent(_allowance.Take(now));

    protected override bool Serve(Interest ready) => Receive(int.MaxValue);

    protected override bool Send(ReadOnlySpan<byte> batch)
    {
        Postpone(batch);
        return true;
    }
}
