using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Servers;

/// <summary>
/// Runs a conversation in this process before the first fork. What is compiled now, every child inherits; what is not,
/// each child would compile again, at ten times the price of the fork itself.
/// </summary>
internal sealed class BlockingConversationWarmUp(Service service, WarmUp warmUp)
{
    /// <summary>Serves the canned requests over a socket pair, from this thread: they fit into the sockets' buffers.</summary>
    public void Run()
    {
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out int client, out int server).OrThrow("socketpair");
        try
        {
            send(client, warmUp.Requests, MSG_NOSIGNAL).OrThrow("send", "warm-up");
            shutdown(client, SHUT_WR).OrThrow("shutdown", "warm-up");
            using ServerCounters scratch = new();
            PeerAddress peer = PeerAddress.Of(EndpointKind.Tcp, LoopbackAddress());
            ConversationEnd end = new BlockingConversation(warmUp.Protocol, service.Options, scratch).Serve(server, peer);
            if (end != ConversationEnd.Finished)
                throw new InvalidOperationException($"the warm-up conversation ended with {end}");
        }
        finally
        {
            close(client);
            close(server);
        }
    }

    private static byte[] LoopbackAddress()
    {
        byte[] address = new byte[16];
        System.Runtime.InteropServices.MemoryMarshal.Write(address, (ushort)AF_INET);
        return address;
    }
}
