using Multiplex.Tour.Tracing;
using static Multiplex.Interop.Libc;
using Stopwatch = System.Diagnostics.Stopwatch;

namespace Multiplex.Tour.Lessons;

/// <summary>The fourth lesson: a stream is a sequence of bytes without boundaries; what send(2) takes and what recv(2) returns.</summary>
internal static class Lesson04_Streams
{
    private const int RoundTrips = 2000;

    public static Lesson Lesson { get; } = new(
        "streams",
        "bytes in order, and no boundaries between writes",
        [
            new("Why may read(2) return less than was written?",
                "A stream is a sequence of bytes; the kernel keeps no boundaries between writes. read(2) returns what has arrived, at most as much "
                + "as the buffer has room for, and does not wait for the rest. One read may also return what several writes wrote. So a protocol marks its "
                + "messages, by a length or a separator, and a reader reads until the message is whole."),
            new("Does send(2) take everything?",
                "On a non-blocking socket it takes what the send buffer has room for, and returns how much that was; with no room at all it fails with "
                + "EAGAIN. The rest is sent later. On a blocking socket it waits for room."),
        ],
        [
            new("One write, several reads", SeveralReads),
            new("Several writes, one read", OneRead),
            new("A read from an empty socket", AnEmptySocket),
            new("A send that takes only a part", APartialSend),
            new("Flags: look without taking, wait for all", PeekAndWaitAll),
            new("What TCP costs beside a UNIX-domain socket", WhatItCosts),
        ]);

    private static void SeveralReads(Trace t)
    {
        (int client, int server) = Connection(t);
        t.write(client, "one write"u8);
        t.Say("The reader's buffer has 4 bytes, so one read cannot return all 9:");
        int reads = 0;
        for (int received = 0; received < 9; reads++)
            received += t.read(server, 4).Length;
        Trace.Check(reads >= 3, "9 bytes need at least 3 reads of 4");
    }

    private static void OneRead(Trace t)
    {
        (int one, int other) = t.socketpair(AF_UNIX, SOCK_STREAM, 0);
        t.write(one, "three "u8);
        t.write(one, "separate "u8);
        t.write(one, "writes"u8);
        byte[] all = t.read(other, 64);
        Trace.Check(all.Length == 21, "one read returns all three");
    }

    private static void AnEmptySocket(Trace t)
    {
        t.Say("A read waits until there is a byte. With MSG_DONTWAIT, or on a non-blocking socket, it fails instead:");
        (int one, _) = t.socketpair(AF_UNIX, SOCK_STREAM, 0);
        t.recv(one, 64, MSG_DONTWAIT, new(EAGAIN, "nothing has arrived; try again later"));
    }

    private static void APartialSend(Trace t)
    {
        (int one, int other) = t.socketpair(AF_UNIX, SOCK_STREAM, 0);
        byte[] much = new byte[4 << 20];
        much.AsSpan().Fill((byte)'x');
        int taken = t.send(one, much, MSG_DONTWAIT);
        Trace.Check(taken > 0 && taken < much.Length, "a non-blocking send takes a part");
        t.send(one, much, MSG_DONTWAIT, new(EAGAIN, "the send buffer is full until the peer reads"));
        byte[] received = t.recv(other, taken, MSG_WAITALL);
        Trace.Check(received.Length == taken, "what was taken arrives");
        t.Say("What the kernel took arrives, whole and in order. What it did not take is the sender's to send again.");
    }

    private static void PeekAndWaitAll(Trace t)
    {
        (int one, int other) = t.socketpair(AF_UNIX, SOCK_STREAM, 0);
        t.send(one, "look"u8);
        t.recv(other, 64, MSG_PEEK);
        t.Say("MSG_PEEK left the bytes. MSG_WAITALL waits until the buffer is full; here another thread sends the rest meanwhile:");
        TracedThread sender = Trace.StartThread(() => t.send(one, "ing"u8));
        byte[] all = t.recv(other, 7, MSG_WAITALL);
        sender.Join();
        Trace.Check(all.AsSpan().SequenceEqual("looking"u8), "MSG_WAITALL returns the whole buffer");
    }

    private static void WhatItCosts(Trace t)
    {
        (int client, int server) = Connection(t);
        (int one, int other) = t.socketpair(AF_UNIX, SOCK_STREAM, 0);
        double tcp = MicrosecondsOfRoundTrip(client, server), unix = MicrosecondsOfRoundTrip(one, other);
        t.Show($"{RoundTrips} messages of 64 bytes there and back, in one thread:");
        t.Show($"TCP over the loopback interface  {tcp,6:0.0} us");
        t.Show($"UNIX-domain stream               {unix,6:0.0} us");
        t.Say("A UNIX-domain socket has no checksums, acknowledgements or windows: the kernel moves the bytes from one queue to the other. It reaches "
            + "processes of the same machine only.");
    }

    private static double MicrosecondsOfRoundTrip(int one, int other)
    {
        byte[] message = new byte[64];
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < RoundTrips; i++)
        {
            send(one, message, 0).OrThrow("send");
            recv(other, message, MSG_WAITALL).OrThrow("recv");
            send(other, message, 0).OrThrow("send");
            recv(one, message, MSG_WAITALL).OrThrow("recv");
        }

        return Stopwatch.GetElapsedTime(start).TotalMicroseconds / RoundTrips;
    }

    private static (int Client, int Server) Connection(Trace t)
    {
        int listener = t.socket(AF_INET, SOCK_STREAM, 0);
        t.bind(listener, Notation.Internet(INADDR_LOOPBACK, 0));
        t.listen(listener, 16);
        int client = t.socket(AF_INET, SOCK_STREAM, 0);
        t.connect(client, t.getsockname(listener));
        return (client, t.accept(listener));
    }
}
