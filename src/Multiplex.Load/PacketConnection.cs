using Multiplex.Interop;

namespace Multiplex.Load;

/// <summary>Seqpacket: a connection that keeps boundaries. Nothing is lost on it, so a reply that nobody waits for is a wrong one.</summary>
internal sealed class PacketConnection(LoadContext context) : MessageConnection(context)
{
    protected override bool EndsWithEmptyMessage => true;

    public override ConnectionState Tick(long now)
    {
        if (!IsBlockedSince(now - LoadContext.Ticks(Context.Options.Timeout)))
            return StateByAge(now);
        Context.Tally.Errors.Timeouts++;
        return ConnectionState.Broken;
    }

    protected override void Unmatched(uint sequence) => Context.Tally.Errors.WrongReplies++;

    protected override ConnectionState Failed(SyscallResult result) => Disconnected();
}
