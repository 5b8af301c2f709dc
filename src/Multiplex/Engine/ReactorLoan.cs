using Multiplex.Sockets;

namespace Multiplex.Engine;

/// <summary>What the connections of one reactor have in common, lent to each while it is at work.</summary>
/// <param name="Protocol">What the bytes mean.</param>
/// <param name="Options">The limits.</param>
/// <param name="Counters">Where events are counted.</param>
internal sealed record ReactorLoan(IProtocol Protocol, ServerOptions Options, ServerCounters Counters)
{
    private byte[]? _packetBuffer;

    /// <summary>One read buffer for all: most requests come whole, and are gone from it before the next read.</summary>
    public byte[] ReadBuffer { get; } = GC.AllocateUninitializedArray<byte>(64 * 1024);

    /// <summary>Room for a message that comes with its boundaries, and so in one piece or not at all.</summary>
    public byte[] PacketBuffer => _packetBuffer ??= GC.AllocateUninitializedArray<byte>(MessageSize.LongestTaken);

    /// <summary>The replies of one batch, before they are sent.</summary>
    public OutputBuffer Replies { get; } = new();

    /// <summary>Milliseconds, as of the last wake-up.</summary>
    public long Now { get; set; }
}
