namespace Multiplex.Load.Engine;

/// <summary>Seqpacket: a connection that keeps boundaries. Nothing is lost on it, so a reply without a request is a wrong one.</summary>
internal sealed class PacketConnection(LoadContext context, uint seed) : MessageConnection(context, seed)
{
    protected override bool EndsWithEmptyMessage => true;

    public override bool Tick(long now) => !IsBlockedSince(now - Context.Timeout) && IsInTime(now);

    protected override void CountUnmatched(uint sequence) => Context.Recorder.Errors.WrongReplies++;
}
