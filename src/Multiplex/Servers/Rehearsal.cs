using System.Runtime.InteropServices;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Servers;

/// <summary>
/// The conversation that forked children will have, had once before the first fork, in the parent. What is compiled, bound
/// and resolved in it, every child inherits. What is not, each child would do again, at many times the price of the fork.
/// </summary>
internal static class Rehearsal
{
    /// <summary>What a model does with one connection, on counters that do not count.</summary>
    public delegate bool Server(BlockingConversation conversation, ServerCounters scratch, int descriptor, PeerAddress peer);

    /// <summary>Plays the client of a service's warm-up, over a socket pair, for each kind of endpoint that it listens on.</summary>
    public static void Run(Service service, Server serve)
    {
        if (service.WarmUp is not { } warmUp)
            return;
        using ServerCounters scratch = new();
        BlockingConversation conversation = new(warmUp.Protocol, service.Options, scratch);
        Play(SOCK_STREAM, [warmUp.Requests], service.Options, scratch, server => serve(conversation, scratch, server, Loopback(EndpointKind.Tcp, server)));
        if (service.Listeners.Any(listener => !listener.Kind.IsStream()))
            Play(SOCK_SEQPACKET, warmUp.Messages, service.Options, scratch, server => serve(conversation, scratch, server, Loopback(EndpointKind.UnixPacket, server)));
        if (scratch[Counter.ProtocolErrors] + scratch[Counter.Broken] > 0)
            throw new InvalidOperationException($"the warm-up conversation failed: {scratch.Summary()}");
    }

    private static void Play(int type, IEnumerable<byte[]> requests, ServerOptions options, ServerCounters scratch, Action<int> serve)
    {
        socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, out int client, out int server).OrThrow("socketpair");
        LeavingConnections leaving = new(options, scratch, closed: static () => { });
        try
        {
            // They fit into the sockets' buffers, so one thread can play both sides.
            foreach (byte[] request in requests)
                send(client, request, MSG_NOSIGNAL).OrThrow("send", "warm-up");
            shutdown(client, SHUT_WR).OrThrow("shutdown", "warm-up");
            serve(server);
            Delivery.Outstanding(server, EndpointKind.Tcp);   // what comes last at a stop
            leaving.Add(server, EndpointKind.Unix);
            leaving.AwaitAll();
        }
        finally
        {
            close(client);
        }
    }

    private static PeerAddress Loopback(EndpointKind kind, int descriptor)
    {
        byte[] address = new byte[Marshal.SizeOf<sockaddr_in>()];
        MemoryMarshal.Write(address, (ushort)(kind.IsInternet() ? AF_INET : AF_UNIX));
        PeerAddress ordinary = PeerAddress.Of(kind, address, descriptor);
        address[3] = 1;   // a reserved port
        PeerAddress.Of(kind, address, descriptor);
        return ordinary;
    }
}
