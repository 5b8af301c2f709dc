using Multiplex.Rpc.Xdr;
using Multiplex.Tests.Support;
using static Multiplex.Tests.Support.ScriptedConnection;

namespace Multiplex.Tests.Rpc.Client;

/// <summary>Each status of RFC 5531 for a call that was not carried out has its own exception.</summary>
public class RpcClientRefusalTests
{
    private static readonly TestCaseData[] s_refusals =
    [
        Refusal<RpcProgramUnavailableException>("PROG_UNAVAIL", 0, 0, 0, 1),
        Refusal<RpcProgramMismatchException>("PROG_MISMATCH", 0, 0, 0, 2, 3, 5),
        Refusal<RpcProcedureUnavailableException>("PROC_UNAVAIL", 0, 0, 0, 3),
        Refusal<RpcGarbageArgumentsException>("GARBAGE_ARGS", 0, 0, 0, 4),
        Refusal<RpcSystemErrorException>("SYSTEM_ERR", 0, 0, 0, 5),
        Refusal<RpcMismatchException>("RPC_MISMATCH", 1, 0, 2, 4),
        Refusal<RpcAuthenticationException>("AUTH_ERROR", 1, 1, 5),
        Refusal<RpcAuthenticationException>("AUTH_ERROR", 1, 1, 99),
    ];

    private static readonly TestCaseData[] s_nonsense =
    [
        Nonsense("reply_stat", 7),
        Nonsense("accept_stat", 0, 0, 0, 77),
        Nonsense("reject_stat", 1, 77),
        Nonsense("a verifier that is too long", 0, 0, 4000),
        Nonsense("no status at all", 0, 0, 0),
        Nonsense("a mismatch without versions", 0, 0, 0, 2),
        Nonsense("results that are too short", 0, 0, 0, 0),
    ];

    private static TestCaseData Refusal<T>(string name, params uint[] body)
        where T : RpcRefusedException => new TestCaseData(typeof(T), name, body).SetArgDisplayNames(typeof(T).Name, name, $"{body[^1]}");

    private static TestCaseData Nonsense(string what, params uint[] body) => new TestCaseData((object)body).SetArgDisplayNames(what);

    private static uint Sleep(RpcClient client) => client.Call(
        MultiplexV1.Sleep, 1u, (writer, value) => writer.WriteUInt32(value), (ref XdrReader reader) => reader.ReadUInt32());

    private static ScriptedServer Answering(params uint[] body) => new(connection =>
    {
        while (true)
            connection.Send(Record([.. Word(connection.Receive().Xid), .. Word(1), .. body.SelectMany(Word)]));
    });

    [TestCaseSource(nameof(s_refusals))]
    public void A_refusal_is_reported_by_its_name(Type type, string name, uint[] body)
    {
        using ScriptedServer server = Answering(body);
        using RpcClient client = new(server.Endpoint);
        for (int i = 0; i < 2; i++)
        {
            RpcRefusedException? refusal = Assert.Catch<RpcRefusedException>(() => Sleep(client));
            Assert.That(refusal, Is.TypeOf(type));
            Assert.That(refusal!.Name, Is.EqualTo(name));
            Assert.That(refusal.Message, Does.Contain($": {name}: "));
        }

        Assert.That(server.Connections, Is.EqualTo(1), "the connection goes on");
    }

    [Test]
    public void What_a_refusal_carries_is_there()
    {
        using ScriptedServer programs = Answering(0, 0, 0, 2, 3, 5), versions = Answering(1, 0, 2, 4), weak = Answering(1, 1, 5);
        using RpcClient first = new(programs.Endpoint), second = new(versions.Endpoint), third = new(weak.Endpoint);
        Assert.That(
            () => Sleep(first),
            Throws.TypeOf<RpcProgramMismatchException>().With.Property("Low").EqualTo(3).And.Property("High").EqualTo(5));
        Assert.That(() => Sleep(second), Throws.TypeOf<RpcMismatchException>().With.Property("Low").EqualTo(2).And.Property("High").EqualTo(4));
        Assert.That(
            () => Sleep(third), Throws.TypeOf<RpcAuthenticationException>().With.Property("Status").EqualTo(AuthenticationStatus.TooWeak));
    }

    [Test]
    public void Bytes_behind_the_results_are_passed_over_unless_the_client_is_strict()
    {
        using ScriptedServer server = Answering(0, 0, 0, 0, 1, 2);
        using RpcClient client = new(server.Endpoint), strict = new(server.Endpoint, new() { Strict = true });
        Assert.That(Sleep(client), Is.EqualTo(1));
        Assert.That(() => Sleep(strict), Throws.TypeOf<RpcBadReplyException>().With.Message.EndsWith("bytes are left over"));
    }

    [Test]
    public void Results_may_have_what_the_x_file_lacks_unless_the_client_is_strict()
    {
        using ScriptedServer server = Answering(0, 0, 0, 0, 7, 2, 0x6CE90001);   // an enum, and a string in Latin-1 with padding
        using RpcClient client = new(server.Endpoint), strict = new(server.Endpoint, new() { Strict = true });
        Assert.That(Ask(client), Is.EqualTo((7, "l\udce9")));
        Assert.That(() => Ask(strict), Throws.TypeOf<RpcBadReplyException>().With.Message.EndsWith("an enum has no such value"));

        static (int, string) Ask(RpcClient client) => client.Call(
            MultiplexV1.Sleep, 1u, (writer, value) => writer.WriteUInt32(value), (ref XdrReader reader) => (reader.ReadEnumOfRange(0, 5), reader.ReadString(255)));
    }

    [TestCaseSource(nameof(s_nonsense))]
    public void A_reply_that_cannot_be_decoded_fails_its_call_alone(uint[] body)
    {
        using ScriptedServer server = new(connection =>
        {
            connection.Send(Record([.. Word(connection.Receive().Xid), .. Word(1), .. body.SelectMany(Word)]));
            connection.Answer(connection.Receive().Xid, Word(1));
        });
        using RpcClient client = new(server.Endpoint);
        Assert.That(() => Sleep(client), Throws.TypeOf<RpcBadReplyException>());
        Assert.That(Sleep(client), Is.EqualTo(1));
    }
}
