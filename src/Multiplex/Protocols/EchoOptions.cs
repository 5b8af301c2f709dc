namespace Multiplex.Protocols;

/// <summary>
/// Which UDP datagrams <see cref="EchoProtocol"/> answers. The source of a datagram may be forged. If another server that answers
/// everything is there, or this one, a single datagram would go back and forth for ever: CVE-1999-0103.
/// </summary>
public sealed record EchoOptions
{
    /// <summary>The usual <see cref="RepeatsPerSecond"/>.</summary>
    public const int UsualRepeatsPerSecond = 100;

    /// <summary>
    /// Whether sources are answered that are most likely servers: ports below 1024, where echo (7), chargen (19) and their like are, and
    /// <see cref="OwnPorts"/> on this machine's addresses.
    /// </summary>
    public bool AnySource { get; init; }

    /// <summary>The UDP ports that the server itself listens on.</summary>
    public IReadOnlyList<int> OwnPorts { get; init; } = [];

    /// <summary>
    /// How many datagrams a second, 1 to 1,000,000, of one source are answered that have the same bytes as one of that source in the last 10 seconds, as
    /// all have that go back and forth; 0 is no limit. Fifty times as many may come at once. Datagrams that differ, as those of a load generator
    /// that numbers them, are not limited.
    /// </summary>
    public int RepeatsPerSecond { get; init; } = UsualRepeatsPerSecond;
}
