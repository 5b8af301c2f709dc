namespace Multiplex.Check;

/// <summary>One connection: every byte comes back, in order, however it was sent, and then the end of file.</summary>
internal static class StreamChecks
{
    private const int Mebibyte = 1 << 20;

    public static IReadOnlyList<ServerCheck> All { get; } =
    [
        new("echo", "a line of 1,000 bytes", "socket, bind, listen, accept; read what came, write it back", "connections", Echo) { Needs = null },
        new("any-byte", "bytes of every value, NUL among them", "a stream is of bytes, not of strings: their number is what read(2) returned, not what strlen(3) returns", "streams", AnyByte),
        new("byte-by-byte", "each byte is sent once the one before it has come back", "a stream has no message boundaries: answer what has come, and wait for no full buffer and no line", "streams", ByteByByte),
        new("pipelined", "100 lines are sent before any is read", "a stream has no message boundaries: one read(2) may return what several writes wrote", "streams", Pipelined),
        new("large", "16 MiB are sent while they are received", "write(2) and send(2) may take fewer bytes than they were given: go on with the rest", "streams waiting", Large),
        new("half-close", "shutdown(2) of the client's writing at once, after a line, and with megabytes on the way", "end of file: read(2) returns 0; answer what came before it, then close(2) the connection, in every process that has it", "endings fork", HalfClose),
    ];

    private static string Echo(ServerUnderCheck server)
    {
        using CheckClient client = server.Connect();
        byte[] line = Lines.Of(1000);
        client.Exchange(line, line);
        return "it came back";
    }

    private static string AnyByte(ServerUnderCheck server)
    {
        byte[] bytes = [.. Enumerable.Range(0, 1024).Select(i => (byte)i), .. new byte[100], (byte)'\n'];
        using CheckClient client = server.Connect();
        client.Exchange(bytes, bytes);
        return $"{bytes.Length:N0} bytes came back";
    }

    private static string ByteByByte(ServerUnderCheck server)
    {
        byte[] bytes = Lines.Of(200);
        using CheckClient client = server.Connect();
        for (int i = 0; i < bytes.Length; i++)
            client.Exchange(bytes.AsSpan(i, 1), bytes.AsSpan(i, 1));
        return $"each of {bytes.Length} bytes came back by itself";
    }

    private static string Pipelined(ServerUnderCheck server)
    {
        byte[][] lines = [.. Enumerable.Range(0, 100).Select(i => Lines.Of(50, i))];
        using CheckClient client = server.Connect();
        foreach (byte[] line in lines)
            client.Send(line);
        foreach (byte[] line in lines)
            client.Receive(line);
        return "all came back in order";
    }

    private static string Large(ServerUnderCheck server)
    {
        byte[] bytes = Lines.Of(16 * Mebibyte);
        using CheckClient client = server.Connect();
        client.Exchange(bytes, bytes);
        return "all came back";
    }

    private static string HalfClose(ServerUnderCheck server)
    {
        byte[] line = Lines.Of(1000), large = Lines.Of(Mebibyte);
        using (CheckClient silent = server.Connect("a client that sends nothing"))
        {
            silent.EndWriting();
            silent.ReceiveEnd();
        }

        using (CheckClient client = server.Connect("a client that sends a line"))
        {
            client.Send(line);
            client.EndWriting();
            client.Receive(line);
            client.ReceiveEnd();
        }

        using (CheckClient late = server.Connect("a client that reads late"))
        {
            long sent = late.SendUntilBlocked(large, 8 * Mebibyte);
            late.EndWriting();
            late.ReceiveRepeated(large, sent);
            late.ReceiveEnd();
        }

        // Between what the kernel's buffers hold and what they and the server's hold is a length, not known here, of which some is in the server when it
        // reads the end of file.
        TimeSpan forTheServerToReadIt = TimeSpan.FromMilliseconds(30);
        const int Step = 16 * 1024, Steps = 20;
        for (int length = Step; length <= Steps * Step; length += Step)
        {
            using CheckClient narrow = server.Connect($"a client that reads {length:N0} bytes late", isNarrow: true);
            long sent = narrow.SendUntilBlocked(large, length, forTheServerToReadIt);
            narrow.EndWriting();
            Thread.Sleep(forTheServerToReadIt);
            narrow.ReceiveRepeated(large, sent);
            narrow.ReceiveEnd();
        }

        return "all bytes came back, then the end of file";
    }
}
