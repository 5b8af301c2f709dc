using Multiplex.Tour.Tracing;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tour.Lessons;

/// <summary>The sixth lesson: messages over several buffers, sockets that keep connections and boundaries, and what goes beside the bytes.</summary>
internal static class Lesson06_Messages
{
    public static Lesson Lesson { get; } = new(
        "messages",
        "several buffers in one call, and more than bytes",
        [
            new("When are sendmsg(2) and writev(2) better than send(2)?",
                "When a message lies in several places, such as a header and a body. One call sends both, without a copy that puts them together first; on a "
                + "datagram socket they are one datagram."),
            new("Can a process give another one its connection?",
                "Yes, over a UNIX-domain socket: sendmsg(2) with SCM_RIGHTS passes a descriptor. The receiver gets a descriptor of its own, of the same "
                + "socket. A server hands connections to its workers so."),
        ],
        [
            new("sendmsg(2) gathers, recvmsg(2) scatters", GatherAndScatter),
            new("recvmsg(2) tells what was cut off", CutOff),
            new("writev(2) and readv(2) do so on any descriptor", Vectors),
            new("Seqpacket: a connection that keeps messages whole", Seqpacket),
            new("A descriptor beside the bytes", ADescriptor),
            new("Which process is at the other end", TheOtherEnd),
        ]);

    private static void GatherAndScatter(Trace t)
    {
        (int one, int other) = t.socketpair(AF_UNIX, SOCK_DGRAM, 0);
        t.sendmsg(one, ["head, "u8.ToArray(), "body"u8.ToArray()]);
        t.Say("One datagram of 10 bytes. The receiver has two buffers, of 4 and 16 bytes; the first is filled before the second:");
        (byte[][] parts, int flags) = t.recvmsg(other, [4, 16]);
        Trace.Check(parts[0].AsSpan().SequenceEqual("head"u8) && parts[1].AsSpan().SequenceEqual(", body"u8) && flags == 0, "the buffers are filled in order");
    }

    private static void CutOff(Trace t)
    {
        (int one, int other) = t.socketpair(AF_UNIX, SOCK_DGRAM, 0);
        t.send(one, "longer than both"u8);
        (_, int flags) = t.recvmsg(other, [6, 5]);
        Trace.Check((flags & MSG_TRUNC) != 0, "msg_flags has MSG_TRUNC");
        t.Say("msg_flags has MSG_TRUNC: \" both\" is lost.");
    }

    private static void Vectors(Trace t)
    {
        (int one, int other) = t.socketpair(AF_UNIX, SOCK_STREAM, 0);
        t.writev(one, ["head, "u8.ToArray(), "body"u8.ToArray()]);
        t.readv(other, [4, 16]);
    }

    private static void Seqpacket(Trace t)
    {
        int listener = t.socket(AF_UNIX, SOCK_SEQPACKET, 0);
        t.bind(listener, UnixFamilyAlone);
        t.listen(listener, 1);
        byte[] address = t.getsockname(listener);
        t.Say("bind(2) with a family alone: the kernel chose an abstract name.");
        int client = t.socket(AF_UNIX, SOCK_SEQPACKET, 0);
        t.connect(client, address);
        int server = t.accept(listener);
        t.send(client, "first"u8);
        t.send(client, "second"u8);
        t.close(client);
        t.Say("Two messages stay two, as datagrams; then comes an end of file, as on a stream:");
        t.recv(server, 64);
        t.recv(server, 64);
        t.recv(server, 64);
    }

    private static void ADescriptor(Trace t)
    {
        (int one, int other) = t.socketpair(AF_UNIX, SOCK_STREAM, 0);
        (int passed, int itsPeer) = t.socketpair(AF_UNIX, SOCK_STREAM, 0);
        t.Say($"Descriptor {passed} goes beside one byte. The sender may close its own at once:");
        t.SendDescriptor(one, passed);
        t.close(passed);
        int received = t.ReceiveDescriptor(other);
        t.send(received, "the same socket"u8);
        t.recv(itsPeer, 64);
    }

    private static void TheOtherEnd(Trace t)
    {
        t.Say("On a UNIX-domain socket the kernel tells the process, the user and the group that connected. The peer cannot lie:");
        (int one, _) = t.socketpair(AF_UNIX, SOCK_STREAM, 0);
        ucred peer = t.getpeercred(one);
        int own = t.getpid();
        Trace.Check(peer.pid == own, "this process is at both ends");
    }

    private static byte[] UnixFamilyAlone => BitConverter.GetBytes((ushort)AF_UNIX);
}
