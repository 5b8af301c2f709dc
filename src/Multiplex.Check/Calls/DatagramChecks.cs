namespace Multiplex.Check.Calls;

/// <summary>Datagrams: a call may come twice, and a datagram need not be a call.</summary>
internal sealed class DatagramChecks(CallExchange exchange)
{
    public IReadOnlyList<ServerCheck> All =>
    [
        new("retransmission", "a call is sent again, with its xid, after its reply has come", "a reply may be lost: a client sends its call again, and the server answers again, or repeats its reply", "once", Retransmission) { Needs = AnswerChecks.First },
        new("no-call", "datagrams of 0, 3, 11 and 39 bytes, and a reply in place of a call", "what is no call is dropped; the next datagram is another client's", "datagrams rpc", NoCall) { Needs = AnswerChecks.First },
        new("many-peers", "100 sockets call, then each receives its reply", "recvfrom(2) returns the address of the sender, and sendto(2) sends the reply there", "datagrams", ManyPeers) { Needs = AnswerChecks.First },
    ];

    private string Retransmission(ServerUnderCheck server)
    {
        byte[] call = exchange.Call(AnswerChecks.NewXid());
        using CallClient client = new(server);
        Reply first = client.Call(call), second = client.Call(call);
        first.AssertSuccess(client.Client);
        return first.Bytes.AsSpan().SequenceEqual(second.Bytes) ? "the same reply came again" : throw client.Client.Fault($"the first reply is {first.Says}, the second {second.Says}");
    }

    private string NoCall(ServerUnderCheck server)
    {
        using CallClient client = new(server);
        byte[] call = exchange.Call(AnswerChecks.NewXid());
        foreach (int length in (int[])[0, 3, 11, 39])
            client.Client.SendDatagram(call.AsSpan(0, length));
        byte[] reply = exchange.Call(AnswerChecks.NewXid());
        reply[7] = 1;   // msg_type REPLY
        client.Client.SendDatagram(reply);
        client.Call(exchange.Call(AnswerChecks.NewXid())).AssertSuccess(client.Client);
        return "the call after them is answered";
    }

    private string ManyPeers(ServerUnderCheck server)
    {
        const int Peers = 100;
        CallClient[] clients = [.. Enumerable.Range(1, Peers).Select(i => new CallClient(server, $"socket {i}"))];
        try
        {
            byte[][] calls = [.. clients.Select(_ => exchange.Call(AnswerChecks.NewXid()))];
            foreach ((CallClient client, byte[] call) in clients.Zip(calls))
                client.Client.SendDatagram(call);
            foreach ((CallClient client, byte[] call) in clients.Zip(calls))
                client.Call(call).AssertSuccess(client.Client);
        }
        finally
        {
            foreach (CallClient client in clients)
                client.Dispose();
        }

        return "each received its own";
    }
}
