namespace Multiplex.Protocols;

/// <summary>What a server of the Echo Protocol counts beside all others.</summary>
public static class EchoCounters
{
    private static readonly Counter s_echoesRefused = ServerCounters.Register("EchoesRefused", new("echo_datagrams_refused_total", "UDP datagrams not echoed because their source is most likely a server."));
    private static readonly Counter s_echoesLimited = ServerCounters.Register("EchoesLimited", new("echo_datagrams_limited_total", "UDP datagrams not echoed because their source sent too many with the same bytes."));

    extension(Counter)
    {
        /// <summary>UDP datagrams not echoed because their source is most likely a server: a port below 1024, or one of this server's own addresses.</summary>
        public static Counter EchoesRefused => s_echoesRefused;

        /// <summary>UDP datagrams not echoed because their source sent too many with the same bytes.</summary>
        public static Counter EchoesLimited => s_echoesLimited;
    }
}
