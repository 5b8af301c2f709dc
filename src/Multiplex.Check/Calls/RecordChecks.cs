using System.Buffers.Binary;

namespace Multiplex.Check.Calls;

/// <summary>Calls on a stream, RFC 5531 section 11: the bytes of a record may come in pieces, and several records at a time.</summary>
internal sealed class RecordChecks(CallExchange exchange)
{
    private const int Mebibyte = 1 << 20;

    public IReadOnlyList<ServerCheck> All =>
    [
        Check("byte-by-byte", "a call is sent one byte at a time", "a stream has no message boundaries: keep what has come of a record until its last byte", "streams", ByteByByte),
        Check("pipelined", "100 calls are sent at once, then their replies are received", "one read(2) may return several records: answer each", "streams rpc", Pipelined),
        Check("fragments", "a call comes in fragments of 4 bytes, and of 1 byte", "a record is one fragment or several: the highest bit of the mark is set in the last one", "rpc", Fragments),
        Check("half-close", "shutdown(2) of the client's writing at once, and after ten calls", "end of file: read(2) returns 0; answer what came before it, then close(2) the connection", "endings", HalfClose),
        Check("huge-record", "8 clients send the mark of a record of 2 GiB with a little of it, then one sends on", "memory follows the bytes that came, and not those that a mark declares; a record has a greatest length", "rpc", HugeRecord),
    ];

    private static ServerCheck Check(string name, string tried, string word, string lesson, Func<ServerUnderCheck, string> run) => new(name, tried, word, lesson, run) { Needs = AnswerChecks.First };

    private string ByteByByte(ServerUnderCheck server)
    {
        byte[] call = exchange.Request();
        using CheckClient client = server.Connect();
        client.SendApart(call);
        exchange.Receive(client, call);
        return $"{call.Length} bytes were one call";
    }

    private string Pipelined(ServerUnderCheck server)
    {
        const int Calls = 100;
        byte[] calls = exchange.Calls(Calls);
        using CheckClient client = server.Connect();
        client.Send(calls);
        exchange.Receive(client, calls);
        return "each was answered once";
    }

    private string Fragments(ServerUnderCheck server)
    {
        foreach (int length in (int[])[4, 1])
        {
            byte[] call = exchange.Call(AnswerChecks.NewXid());
            using CheckClient client = server.Connect($"a client with fragments of {length}");
            client.Send(CallExchange.Record(call, length));
            Reply reply = new ReplyReader(client).Next();
            reply.AssertSuccess(client);
            if (reply.Xid != BinaryPrimitives.ReadUInt32BigEndian(call))
                throw client.Fault($"the reply has another xid than the call: 0x{reply.Xid:x8}");
        }

        return "they were one call";
    }

    private string HalfClose(ServerUnderCheck server)
    {
        const int Calls = 10;
        using (CheckClient silent = server.Connect("a client that sends nothing"))
        {
            silent.EndWriting();
            silent.ReceiveEnd();
        }

        byte[] calls = exchange.Calls(Calls);
        using CheckClient client = server.Connect("a client that calls ten times");
        client.Send(calls);
        client.EndWriting();
        exchange.Receive(client, calls);
        client.ReceiveEnd();
        return "all calls were answered, then came the end of file";
    }

    private string HugeRecord(ServerUnderCheck server)
    {
        const int Clients = 8, Looks = 20, SentOn = 64;                       // mebibytes
        const long MostDeclared = 256 * Mebibyte, MostReceived = 48 * Mebibyte;   // threads and their stacks take less
        TimeSpan timeout = TimeSpan.FromMilliseconds(500), lookAgain = TimeSpan.FromMilliseconds(10);
        byte[] begun = [0xff, 0xff, 0xff, 0xff, .. exchange.Call(AnswerChecks.NewXid()), .. new byte[1024]];
        long before = server.HasProcess ? server.Memory : 0, most = before;
        List<CheckClient> clients = [];
        try
        {
            for (int i = 0; i < Clients; i++)
            {
                clients.Add(server.Connect($"client {i + 1}"));
                clients[^1].TrySend(begun, timeout);
            }

            // By then the server has received what came. One that serves a client at a time has another check.
            using (CheckClient other = server.Connect("another client"))
            {
                other.TrySend(CallExchange.Record(exchange.Call(AnswerChecks.NewXid())), timeout);
                other.AwaitBytes(server.Timeout);
            }

            for (int i = 0; server.HasProcess && i < Looks; i++)
            {
                most = Math.Max(most, server.Memory);
                Thread.Sleep(lookAgain);
            }
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }

        if (most - before > MostDeclared)
            throw new ServerFaultException($"the server's memory grew by {(most - before) / Mebibyte:N0} MiB, of which a few KiB had come");
        server.AssertServes("a client after those");
        byte[] piece = new byte[Mebibyte];
        int sent = 0;
        before = most = server.HasProcess ? server.Memory : 0;
        using (CheckClient client = server.Connect("a client that sends on"))
        {
            bool isTaken = client.TrySend(begun, timeout);
            while (isTaken && sent++ < SentOn)
            {
                isTaken = client.TrySend(piece, timeout);
                most = Math.Max(most, server.HasProcess ? server.Memory : 0);
            }
        }

        if (most - before > MostReceived)
            throw new ServerFaultException($"the server's memory grew by {(most - before) / Mebibyte:N0} MiB for one record: it has no greatest length");
        server.AssertServes("another client");
        return server.HasProcess ? "memory did not grow, and others are served" : "others are served; its memory shows with --pid";
    }
}
