using System.Text.RegularExpressions;
using Multiplex.Interop;
using Multiplex.Tests.Support;
using Multiplex.Tour.Lessons;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Tour;

/// <summary>The fifth lesson, datagrams, and what goes beyond it.</summary>
public class Lesson05_DatagramsTests : DescriptorFixture
{
    [Test]
    public void Recvfrom_tells_the_senders_address_and_sendto_answers_to_it()
    {
        LessonRun step = LessonRun.Of(Lesson05_Datagrams.Lesson, "A question and an answer, without a connection");
        Assert.That(step.Received, Is.EqualTo(new[] { "question", "answer" }));
        Match sender = Regex.Match(step.Calls("recvfrom").Single().Text, @"htons\((?<port>[0-9]+)\), sin_addr=inet_addr\(""127\.0\.0\.1""\)");
        Assert.That(sender.Groups["port"].Value, Is.Not.EqualTo("0"), "the kernel chose the client's port at its first sendto");
        Assert.That(step.Calls("sendto")[1].Text, Does.Contain(sender.Value));
        Assert.That(step.Errors, Is.EqualTo(new[] { ("send", EDESTADDRREQ) }));
    }

    [Test]
    public void Two_datagrams_are_two() =>
        Assert.That(LessonRun.Of(Lesson05_Datagrams.Lesson, "Two datagrams are two").Received, Is.EqualTo(new[] { "first", "second" }));

    [Test]
    public void What_does_not_fit_of_a_UDP_datagram_is_lost_and_MSG_TRUNC_tells_how_long_it_was()
    {
        LessonRun step = LessonRun.Of(Lesson05_Datagrams.Lesson, "A datagram longer than the buffer");
        Assert.That(step.Received, Is.EqualTo(new[] { "too", "nex" }));
        Assert.That(step.Results("recv"), Is.EqualTo(new[] { 8, 3 }));
    }

    [Test]
    public void An_empty_datagram_is_a_datagram_and_one_that_is_too_long_is_refused()
    {
        LessonRun step = LessonRun.Of(Lesson05_Datagrams.Lesson, "An empty datagram, and the longest one");
        Assert.That(step.Results("recv"), Is.EqualTo(new[] { 0 }));
        Assert.That(step.Results("sendto"), Is.EqualTo(new[] { 0, -EMSGSIZE }));
    }

    [Test]
    public void A_datagram_without_a_receiver_is_lost_and_only_a_connected_sender_learns_of_it()
    {
        LessonRun step = LessonRun.Of(Lesson05_Datagrams.Lesson, "A datagram to a port that no socket has");
        Assert.That(step.Results("sendto"), Is.EqualTo(new[] { 7 }), "sent, as far as it knows");
        Assert.That(step.Results("send"), Is.EqualTo(new[] { 7 }));
        Assert.That(step.Errors, Is.EqualTo(new[] { ("recv", EAGAIN), ("recv", ECONNREFUSED) }));
    }

    [Test]
    public void The_lesson_loses_datagrams_that_the_receiver_has_no_room_for()
    {
        LessonRun step = LessonRun.Of(Lesson05_Datagrams.Lesson, "A receiver without room");
        Assert.That(step.Exhibits[0], Does.EndWith("called 500 times"));
        Assert.That(int.Parse(Regex.Match(step.Exhibits[1], "= 1000, ([0-9]+) times").Groups[1].Value), Is.InRange(1, 499));
    }

    [TestCase(SOCK_DGRAM)]
    [TestCase(SOCK_SEQPACKET)]
    public void Datagrams_and_seqpackets_keep_the_boundaries(int type)
    {
        (int one, int other) = Pair(type);
        send(one, "first"u8, 0).OrThrow("send");
        send(one, "second"u8, 0).OrThrow("send");
        Assert.That(Receive(other), Is.EqualTo("first"u8.ToArray()));
        Assert.That(Receive(other), Is.EqualTo("second"u8.ToArray()));
    }

    [Test]
    public void What_does_not_fit_of_a_datagram_is_lost_and_MSG_TRUNC_tells_how_long_it_was()
    {
        (int one, int other) = Pair(SOCK_DGRAM);
        send(one, "too long"u8, 0).OrThrow("send");
        send(one, "next"u8, 0).OrThrow("send");
        byte[] small = new byte[3];
        Assert.That(recv(other, small, MSG_TRUNC).OrThrow("recv"), Is.EqualTo(8));
        Assert.That(small, Is.EqualTo("too"u8.ToArray()));
        Assert.That(recv(other, small, 0).OrThrow("recv"), Is.EqualTo(3));
        Assert.That(small, Is.EqualTo("nex"u8.ToArray()));
    }

    [Test]
    public void One_socket_serves_many_clients_without_a_connection()
    {
        int server = BoundUdpSocket();
        int[] clients = [UdpSocket(), UdpSocket(), UdpSocket()];
        foreach (int client in clients)
            sendto(client, BitConverter.GetBytes(client), 0, NameOf(server)).OrThrow("sendto");
        byte[] bytes = new byte[64], sender = new byte[128];
        foreach (int _ in clients)
        {
            int length = recvfrom(server, bytes, 0, sender, out int senderLength).OrThrow("recvfrom");
            sendto(server, bytes.AsSpan(0, length), 0, sender.AsSpan(0, senderLength)).OrThrow("sendto");
        }

        foreach (int client in clients)
            Assert.That(Receive(client), Is.EqualTo(BitConverter.GetBytes(client)));
    }

    [Test]
    public void An_empty_datagram_is_a_datagram_and_no_end_of_file()
    {
        int server = BoundUdpSocket(), client = UdpSocket();
        sendto(client, default, 0, NameOf(server)).OrThrow("sendto");
        sendto(client, "and on"u8, 0, NameOf(server)).OrThrow("sendto");
        Assert.That(Receive(server), Is.Empty);
        Assert.That(Receive(server), Is.EqualTo("and on"u8.ToArray()));
    }

    [Test]
    public void A_datagram_has_a_greatest_length()
    {
        int server = BoundUdpSocket(), client = UdpSocket();
        const int Greatest = 65535 - 20 - 8;   // the largest IPv4 length, less the headers of IPv4 and UDP
        Assert.That(sendto(client, new byte[Greatest], 0, NameOf(server)).OrThrow("sendto"), Is.EqualTo(Greatest));
        Assert.That(sendto(client, new byte[Greatest + 1], 0, NameOf(server)).Errno, Is.EqualTo(EMSGSIZE));
    }

    [Test]
    public void A_datagram_without_a_receiver_is_lost_and_a_socket_that_is_not_connected_never_learns()
    {
        int client = UdpSocket();
        byte[] unbound = FreeAddress();
        for (int i = 0; i < 3; i++)
            Assert.That(sendto(client, "anyone?"u8, 0, unbound).OrThrow("sendto"), Is.EqualTo(7), "sent, as far as it knows");
        Assert.That(recv(client, new byte[8], MSG_DONTWAIT).Errno, Is.EqualTo(EAGAIN));
    }

    [Test]
    public void A_connected_one_learns_of_it_with_ECONNREFUSED_at_a_later_call()
    {
        int client = UdpSocket();
        connect(client, FreeAddress()).OrThrow("connect");   // sends nothing: it only sets the address
        Assert.That(send(client, "anyone?"u8, 0).OrThrow("send"), Is.EqualTo(7));
        SyscallResult refused = recv(client, new byte[8], 0);
        Assert.That(refused.Errno, Is.EqualTo(ECONNREFUSED));
        Assert.That(recv(client, new byte[8], MSG_DONTWAIT).Errno, Is.EqualTo(EAGAIN), "reported once");
    }

    [Test]
    public void A_connected_UDP_socket_receives_from_its_peer_alone_until_it_is_disconnected()
    {
        int client = BoundUdpSocket(), peer = BoundUdpSocket(), stranger = BoundUdpSocket();
        connect(client, NameOf(peer)).OrThrow("connect");
        Assert.That(PeerOf(client), Is.EqualTo(NameOf(peer)));
        sendto(stranger, "pst"u8, 0, NameOf(client)).OrThrow("sendto");
        sendto(peer, "hello"u8, 0, NameOf(client)).OrThrow("sendto");
        Assert.That(Receive(client), Is.EqualTo("hello"u8.ToArray()));
        Assert.That(recv(client, new byte[8], MSG_DONTWAIT).Errno, Is.EqualTo(EAGAIN), "the stranger's was dropped");
        byte[] noAddress = new byte[16];   // the family AF_UNSPEC
        connect(client, noAddress).OrThrow("connect");
        Assert.That(getpeername(client, new byte[128]).Errno, Is.EqualTo(ENOTCONN));
        bind(client, Loopback(0));   // the port may have gone with the connection
        sendto(stranger, "pst"u8, 0, NameOf(client)).OrThrow("sendto");
        Assert.That(Receive(client), Is.EqualTo("pst"u8.ToArray()));
    }

    [Test]
    public void What_the_receiver_has_no_room_for_is_lost_and_the_sender_never_learns()
    {
        const int Count = 1000, Length = 1000;
        int server = BoundUdpSocket(), client = UdpSocket();
        setsockopt(server, SOL_SOCKET, SO_RCVBUF, 4096).OrThrow("setsockopt");
        for (int i = 0; i < Count; i++)
            Assert.That(sendto(client, new byte[Length], 0, NameOf(server)).OrThrow("sendto"), Is.EqualTo(Length));
        int arrived = 0;
        while (!recv(server, new byte[Length], MSG_DONTWAIT).IsError)
            arrived++;
        Assert.That(arrived, Is.Positive.And.LessThan(Count));
    }

    [Test]
    public void To_everybody_at_once_needs_SO_BROADCAST()
    {
        int listener = UdpSocket(), client = UdpSocket();
        bind(listener, Internet(INADDR_ANY, 0)).OrThrow("bind");
        byte[] everybody = Internet(0x7FFFFFFF, PortIn(NameOf(listener)));   // of the network 127.0.0.0/8
        Assert.That(sendto(client, "all"u8, 0, everybody).Errno, Is.EqualTo(EACCES));
        setsockopt(client, SOL_SOCKET, SO_BROADCAST, 1).OrThrow("setsockopt");
        sendto(client, "all"u8, 0, everybody).OrThrow("sendto");
        Assert.That(Receive(listener), Is.EqualTo("all"u8.ToArray()));
    }

    [Test]
    public void A_UNIX_datagram_whose_sender_has_no_name_cannot_be_answered()
    {
        int server = UnixSocket(SOCK_DGRAM), client = UnixSocket(SOCK_DGRAM);
        bind(server, UnixFamilyAlone).OrThrow("bind");
        byte[] sender = new byte[128];
        sendto(client, "who am I"u8, 0, NameOf(server)).OrThrow("sendto");
        recvfrom(server, new byte[64], 0, sender, out int length).OrThrow("recvfrom");
        Assert.That(length, Is.Zero);
        bind(client, UnixFamilyAlone).OrThrow("bind");
        sendto(client, "now?"u8, 0, NameOf(server)).OrThrow("sendto");
        recvfrom(server, new byte[64], 0, sender, out length).OrThrow("recvfrom");
        Assert.That(sender[..length], Is.EqualTo(NameOf(client)), "the kernel chose a name");
        sendto(server, "you"u8, 0, sender.AsSpan(0, length)).OrThrow("sendto");
        Assert.That(Receive(client), Is.EqualTo("you"u8.ToArray()));
    }

    [Test]
    public void UNIX_datagrams_are_not_lost_a_sender_waits_for_room_or_fails_with_EAGAIN()
    {
        int server = UnixSocket(SOCK_DGRAM), client = UnixSocket(SOCK_DGRAM);
        bind(server, UnixFamilyAlone).OrThrow("bind");
        int sent = 0;
        SyscallResult result;
        while (!(result = sendto(client, BitConverter.GetBytes(sent), MSG_DONTWAIT, NameOf(server))).IsError)
            sent++;
        Assert.That(result.Errno, Is.EqualTo(EAGAIN));
        for (int i = 0; i < sent; i++)
            Assert.That(BitConverter.ToInt32(Receive(server)), Is.EqualTo(i), "all are there, in order");
        Assert.That(recv(server, new byte[4], MSG_DONTWAIT).Errno, Is.EqualTo(EAGAIN));
        byte[] address = NameOf(server);
        CloseNow(server);
        Assert.That(sendto(client, "x"u8, 0, address).Errno, Is.EqualTo(ECONNREFUSED), "and a missing receiver is reported at once");
    }

    [Test]
    public void Seqpacket_has_connections_as_a_stream_and_boundaries_as_datagrams()
    {
        int listener = UnixSocket(SOCK_SEQPACKET), client = UnixSocket(SOCK_SEQPACKET);
        bind(listener, UnixFamilyAlone).OrThrow("bind");
        listen(listener, 1).OrThrow("listen");
        connect(client, NameOf(listener)).OrThrow("connect");
        int server = Own(accept4(listener, new byte[128], out _, SOCK_CLOEXEC));
        send(client, "first"u8, MSG_EOR).OrThrow("send");
        send(client, "second"u8, MSG_EOR).OrThrow("send");
        CloseNow(client);
        Assert.That(Receive(server), Is.EqualTo("first"u8.ToArray()));
        Assert.That(Receive(server), Is.EqualTo("second"u8.ToArray()));
        Assert.That(Receive(server), Is.Empty, "the end of file");
        Assert.That(send(server, "x"u8, MSG_NOSIGNAL).Errno, Is.EqualTo(EPIPE));
    }

    // The socket that has this port is connected to itself: it receives from no other, and no other socket gets the port.
    private byte[] FreeAddress()
    {
        int held = BoundUdpSocket();
        connect(held, NameOf(held)).OrThrow("connect");
        return NameOf(held);
    }
}
