using Multiplex.Interop;

namespace Multiplex.Load.Engine;

/// <summary>Seqpacket: a connection that keeps boundaries. Nothing is lost on it, so a reply that nobody waits for is a wrong one.</summary>
internal sealed class PacketConnection(LoadContext context, uint seed) : MessageConnection(context, seed)
{
    protected override bool EndsWithEmptyMessage => true;

    public override ConnectionState Tick(long now) =>
        IsBlockedSince(now - LoadContext.Nanoseconds(Context.Options.Timeout)) ? ConnectionState.Broken : StateByAge(now);

    protected override void Unmatched(uint sequence) => Context.Recorder.Errors.WrongReplies++;

    protected override ConnectionState Failed(SyscallResult result) => Disconnected(result);
}
