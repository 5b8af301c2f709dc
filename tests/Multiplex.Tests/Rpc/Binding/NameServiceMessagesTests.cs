using Multiplex.Rpc.Binding;
using Multiplex.Sockets;
using FsCheckProperty = FsCheck.NUnit.PropertyAttribute;

namespace Multiplex.Tests.Rpc.Binding;

/// <summary>The messages of RFC 1833, byte by byte.</summary>
public class NameServiceMessagesTests : NameServiceFixture
{
    private const uint GarbageArguments = 4, ProcedureUnavailable = 3, SystemError = 5;
    private static readonly byte[] s_true = Words(1), s_false = Words(0);

    [Test]
    public void Portmap_sets_looks_up_lists_and_unsets()
    {
        byte[] tcp = Words(Program, 1, 6, 4000), udp = Words(Program, 1, 17, 4001);
        Assert.That(Ask(2, 1, tcp), Is.EqualTo(s_true));
        Assert.That(Ask(2, 1, udp), Is.EqualTo(s_true));
        Assert.That(Ask(2, 3, Words(Program, 1, 6, 0)), Is.EqualTo(Words(4000)));
        Assert.That(Ask(2, 3, Words(Program, 1, 17, 0)), Is.EqualTo(Words(4001)));
        Assert.That(Ask(2, 3, Words(Program, 1, 132, 0)), Is.EqualTo(Words(0)), "no such protocol");
        Assert.That(Ask(2, 4, []), Is.EqualTo((byte[])[.. Words(1), .. tcp, .. Words(1), .. udp, .. Words(0)]));
        Assert.That(Ask(2, 2, Words(Program, 1, 0, 0)), Is.EqualTo(s_true), "protocol and port are ignored");
        Assert.That(Ask(2, 4, []), Is.EqualTo(Words(0)));
        Assert.That(Ask(2, 3, Words(Program, 1, 6, 0)), Is.EqualTo(Words(0)));
    }

    [TestCase(3u)]
    [TestCase(4u)]
    public void Rpcbind_sets_looks_up_lists_and_unsets(uint version)
    {
        byte[] tcp = Rpcb(Program, 1, "tcp", "127.0.0.1.15.160", "me"), local = Rpcb(Program, 1, "local", "/tmp/s", "me");
        Assert.That(Ask(version, 1, tcp), Is.EqualTo(s_true));
        Assert.That(Ask(version, 1, local), Is.EqualTo(s_true));
        Assert.That(Ask(version, 3, Rpcb(Program, 1, "tcp")), Is.EqualTo(Text("127.0.0.1.15.160")));
        Assert.That(Ask(version, 3, Rpcb(Program, 1, "")), Is.EqualTo(Text("127.0.0.1.15.160")), "by the caller's own transport");
        Assert.That(Ask(version, 3, Rpcb(Program, 1, "", "", ""), kind: EndpointKind.Unix), Is.EqualTo(Text("/tmp/s")));
        Assert.That(Ask(version, 3, Rpcb(Program, 1, "udp")), Is.EqualTo(Text("")));
        Assert.That(Ask(version, 4, []), Is.EqualTo((byte[])
            [.. Words(1), .. Rpcb(Program, 1, "tcp", "127.0.0.1.15.160", "unknown"), .. Words(1), .. Rpcb(Program, 1, "local", "/tmp/s", "unknown"), .. Words(0)]));
        Assert.That(Ask(version, 2, Rpcb(Program, 1, "local")), Is.EqualTo(s_true));
        Assert.That(Ask(version, 2, Rpcb(Program, 1, "")), Is.EqualTo(s_true), "all that are left");
        Assert.That(Ask(version, 2, Rpcb(Program, 1, "")), Is.EqualTo(s_true), "nothing is left, as was asked for");
        Assert.That(Ask(version, 4, []), Is.EqualTo(Words(0)));
    }

    [Test]
    public void What_one_version_registers_the_others_know()
    {
        Ask(2, 1, Words(Program, 1, 6, 4000));
        Ask(4, 1, Rpcb(Program, 2, "udp", "127.0.0.9.0.9"));
        Ask(3, 1, Rpcb(Program, 3, "tcp6", "::1.0.9"));
        Assert.That(Ask(3, 3, Rpcb(Program, 1, "tcp", "192.0.2.7.0.111")), Is.EqualTo(Text("192.0.2.7.15.160")), "where the caller knows this host");
        Assert.That(Ask(2, 3, Words(Program, 2, 17, 0)), Is.EqualTo(Words(9)));
        Assert.That(Ask(2, 4, []), Has.Length.EqualTo((2 * 20) + 4), "portmap knows no IPv6");
    }

    [Test]
    public void A_version_that_is_not_registered_is_answered_with_another_unless_that_very_one_is_asked_for()
    {
        Ask(4, 1, Rpcb(Program, 2, "tcp", "127.0.0.1.0.2"));
        Assert.That(Ask(2, 3, Words(Program, 9, 6, 0)), Is.EqualTo(Words(2)));
        Assert.That(Ask(4, 3, Rpcb(Program, 9, "tcp")), Is.EqualTo(Text("127.0.0.1.0.2")));
        Assert.That(Ask(4, 9, Rpcb(Program, 9, "tcp")), Is.EqualTo(Text("")));
        Assert.That(Ask(4, 9, Rpcb(Program, 2, "tcp")), Is.EqualTo(Text("127.0.0.1.0.2")));
    }

    [Test]
    public void All_addresses_of_a_program_are_listed_with_what_netconfig_says_of_them()
    {
        Ask(4, 1, Rpcb(Program, 1, "udp6", "::.0.9"));
        Ask(4, 1, Rpcb(Program, 1, "tcp", "0.0.0.0.0.9"));
        byte[] tcp = [.. Text("127.0.0.1.0.9"), .. Text("tcp"), .. Words(3), .. Text("inet"), .. Text("tcp")];
        byte[] udp6 = [.. Text("::1.0.9"), .. Text("udp6"), .. Words(1), .. Text("inet6"), .. Text("udp")];
        Assert.That(Ask(4, 11, Rpcb(Program, 1, "")), Is.EqualTo((byte[])[.. Words(1), .. tcp, .. Words(1), .. udp6, .. Words(0)]));
    }

    [Test]
    public void A_registration_is_not_overwritten_and_what_makes_no_sense_is_not_registered()
    {
        Assert.That(Ask(4, 1, Rpcb(Program, 1, "tcp", "127.0.0.1.0.1")), Is.EqualTo(s_true));
        Assert.That(Ask(4, 1, Rpcb(Program, 1, "tcp", "127.0.0.1.0.1")), Is.EqualTo(s_true), "the same once more");
        Assert.That(Ask(4, 1, Rpcb(Program, 1, "tcp", "127.0.0.1.0.2")), Is.EqualTo(s_false), "another address");
        Assert.That(Ask(4, 1, Rpcb(Program, 1, "udp", "no address")), Is.EqualTo(s_false));
        Assert.That(Ask(4, 1, Rpcb(Program, 1, "x25", "127.0.0.1.0.1")), Is.EqualTo(s_false), "no such netid");
        Assert.That(Ask(4, 1, Rpcb(Program, 1, "udp", "127.0.0.1.0.0")), Is.EqualTo(s_false), "no port");
        foreach (string elsewhere in (string[])["192.0.2.77.0.9", "224.0.0.1.0.9", "255.255.255.255.0.9", "127.255.255.255.0.9"])
            Assert.That(Ask(4, 1, Rpcb(Program, 1, "udp", elsewhere)), Is.EqualTo(s_false), $"{elsewhere} is not of this machine");
        foreach (string elsewhere in (string[])["2001:db8::77.0.9", "ff02::1.0.9"])
            Assert.That(Ask(4, 1, Rpcb(Program, 1, "udp6", elsewhere)), Is.EqualTo(s_false), $"{elsewhere} is not of this machine");
        Assert.That(Ask(4, 1, Rpcb(Program, 1, "local", "/tmp/a\nb")), Is.EqualTo(s_false), "a control character");
        Assert.That(Ask(2, 1, Words(Program, 2, 6, 0)), Is.EqualTo(s_false), "no port");
        Assert.That(Ask(2, 1, Words(Program, 2, 6, 65536)), Is.EqualTo(s_false), "no port");
        Assert.That(Ask(4, 1, Rpcb(NameService.Program, 5, "tcp", "127.0.0.1.0.1")), Is.EqualTo(s_false), "the name service itself");
        Assert.That(Service.Table.All, Has.Count.EqualTo(1));
    }

    [Test]
    public void There_is_a_limit_to_registrations()
    {
        Serve(new() { Total = 2, PerOwner = 2, Reserved = 0 }, amplification: 1);
        Assert.That(Ask(2, 1, Words(Program, 1, 6, 1)), Is.EqualTo(s_true));
        Assert.That(Ask(2, 1, Words(Program, 2, 6, 1)), Is.EqualTo(s_true));
        Assert.That(Ask(2, 1, Words(Program, 3, 6, 1)), Is.EqualTo(s_false));
        Assert.That(Ask(2, 2, Words(Program, 1, 6, 1)), Is.EqualTo(s_true));
        Assert.That(Ask(2, 1, Words(Program, 3, 6, 1)), Is.EqualTo(s_true));
    }

    [Test]
    public void Addresses_are_translated_to_and_from_socket_addresses()
    {
        byte[] address = [2, 0, 0x0F, 0xA0, 10, 0, 0, 1, .. new byte[8]];   // sockaddr_in of 10.0.0.1, port 4000
        Assert.That(Ask(4, 7, Text("10.0.0.1.15.160")), Is.EqualTo((byte[])[.. Words(16, 16), .. address]));
        Assert.That(Ask(4, 8, [.. Words(16, 16), .. address]), Is.EqualTo(Text("10.0.0.1.15.160")));
        Assert.That(Ask(3, 7, Text("/tmp/s"), kind: EndpointKind.Unix), Is.EqualTo((byte[])[.. Words(9, 9), 1, 0, .. "/tmp/s"u8, 0, 0, 0, 0]));
        Assert.That(Ask(4, 7, Text("nonsense")), Is.EqualTo(Words(0, 0)));
        Assert.That(Ask(4, 8, Words(0, 0)), Is.EqualTo(Text("")));
        Assert.That(Ask(4, 8, [.. Words(4, 4), 99, 0, 0, 0]), Is.EqualTo(Text("")));
    }

    [Test]
    public void The_time_is_in_seconds()
    {
        long before = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        uint time = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(Ask(3, 6, []));
        Assert.That(time, Is.InRange(before, DateTimeOffset.UtcNow.ToUnixTimeSeconds()));
    }

    [Test]
    public void Statistics_have_a_count_for_each_procedure_of_each_version()
    {
        Ask(2, 0, []);
        Ask(3, 1, Rpcb(Program, 1, "tcp", "127.0.0.1.0.1"));
        Ask(3, 2, Rpcb(Program, 1, "tcp"));
        Ask(2, 1, Words(Program, 1, 6, 4000));
        Ask(2, 1, Words(Program, 1, 6, 4001));   // refused, for it has another port
        uint[] portmap = [1, 2, .. new uint[11], 1, 0, 0, 0], rpcbind3 = [0, 1, 1, .. new uint[10], 1, 1, 0, 0];
        uint[] rpcbind4 = [.. new uint[12], 1, 0, 0, 0, 0];   // this very call
        Assert.That(Ask(4, 12, []), Is.EqualTo(Words([.. portmap, .. rpcbind3, .. rpcbind4])));
    }

    [TestCase(2u, 0u)]
    [TestCase(2u, 4u)]
    [TestCase(4u, 4u)]
    [TestCase(4u, 12u)]
    public void Arguments_where_there_are_none_are_garbage(uint version, uint procedure) =>
        Assert.That(Refusal(version, procedure, Words(0)), Is.EqualTo(GarbageArguments));

    [TestCase(2u, 1u)]
    [TestCase(2u, 3u)]
    [TestCase(3u, 1u)]
    [TestCase(4u, 3u)]
    [TestCase(4u, 7u)]
    [TestCase(4u, 8u)]
    [TestCase(4u, 11u)]
    public void Arguments_that_end_too_early_or_are_too_long_are_garbage(uint version, uint procedure)
    {
        Assert.That(Refusal(version, procedure, [0, 0]), Is.EqualTo(GarbageArguments));
        Assert.That(Refusal(version, procedure, [.. Words(1, 1), .. Text(new string('x', 256)), .. Text(""), .. Text("")]), Is.EqualTo(GarbageArguments));
    }

    [TestCase(2u, 6u)]
    [TestCase(3u, 9u)]
    [TestCase(3u, 12u)]
    [TestCase(4u, 13u)]
    public void A_procedure_of_a_higher_version_is_unavailable(uint version, uint procedure) =>
        Assert.That(Refusal(version, procedure, []), Is.EqualTo(ProcedureUnavailable));

    [TestCase(2u)]
    [TestCase(3u)]
    [TestCase(4u)]
    public void A_call_for_others_is_not_made_and_over_UDP_nothing_is_said_of_it(uint version)
    {
        byte[] null_ = Words(NameService.Program, version, 0, 0);   // program, version, procedure, no arguments
        Assert.That(Reply(version, 5, null_, kind: EndpointKind.Udp), Is.Empty);
        Assert.That(Refusal(version, 5, null_), Is.EqualTo(ProcedureUnavailable));
        if (version == 4)
            Assert.That(Refusal(version, 10, null_, kind: EndpointKind.Udp), Is.EqualTo(ProcedureUnavailable), "INDIRECT is to tell its caller");
    }

    [Test]
    public void Over_UDP_a_list_that_is_longer_than_a_multiple_of_the_question_is_refused_and_over_TCP_it_is_not()
    {
        for (uint version = 1; version <= 10; version++)
            Ask(2, 1, Words(Program, version, 6, 4000));
        Assert.That(Ask(2, 4, []), Has.Length.EqualTo(204));
        Assert.That(Refusal(2, 4, [], kind: EndpointKind.Udp), Is.EqualTo(SystemError));
        Assert.That(Ask(2, 3, Words(Program, 1, 6, 0), kind: EndpointKind.Udp), Is.EqualTo(Words(4000)));
        Serve(new() { Total = 10 }, amplification: 100);
        Ask(2, 1, Words(Program, 1, 6, 4000));
        Assert.That(Ask(2, 4, [], kind: EndpointKind.Udp), Has.Length.EqualTo(24));
    }

    [Test]
    public void All_that_asks_no_other_server_is_quick(
        [Values(2u, 3u, 4u)] uint version, [Range(0u, 12u)] uint procedure)
    {
        const uint CallIt = 5, Indirect = 10;
        byte[] call = Words(7, 0, 2, NameService.Program, version, procedure, 0, 0, 0, 0);
        bool isQuick = procedure != CallIt && (procedure != Indirect || version < 3);
        Assert.That(Protocol.IsMessageQuick(call), Is.EqualTo(isQuick));
        Assert.That(Protocol.IsFrameQuick([.. Words(0x8000_0000 | (uint)call.Length), .. call]), Is.EqualTo(isQuick));
    }

    [FsCheckProperty(MaxTest = 1000)]
    public void Whatever_comes_in_a_datagram_nothing_throws(byte[] tail, byte words, uint version, uint procedure, uint flavor)
    {
        byte[] head = Words(7, 0, 2 + (version % 7 / 6), NameService.Program, version % 6, procedure % 14, flavor % 3, 0, 0, 0);
        byte[] message = [.. head[..(4 * (words % 11))], .. tail];
        OutputBuffer reply = new();
        Protocol.AnswerMessage(message, new Peer(EndpointKind.Udp, Loopback), reply);
        Assert.That(reply.Length, Is.LessThanOrEqualTo(Math.Max(2 * message.Length, 24)));
    }
}
