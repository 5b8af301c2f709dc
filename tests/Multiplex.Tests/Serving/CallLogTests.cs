using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;

namespace Multiplex.Tests.Serving;

/// <summary>The lines of an access log, and the histograms beside it.</summary>
public class CallLogTests
{
    private static readonly byte[] s_address = [2, 0, 0x10, 0x92, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];

    private readonly List<string> _lines = [];

    [TestCase(0x2000_4543u, 1u, 0u, @" tcp://127\.0\.0\.1:4242 MultiplexV1/1/(Null|0) SUCCESS 44 28 \d+\n$")]
    [TestCase(0x2000_4543u, 1u, 99u, @" 0x20004543/1/99 PROC_UNAVAIL 44 28 \d+\n$")]
    [TestCase(0x2000_4543u, 7u, 0u, @" 0x20004543/7/0 PROG_MISMATCH 44 36 \d+\n$")]
    [TestCase(5u, 1u, 0u, @" 0x00000005/1/0 PROG_UNAVAIL 44 28 \d+\n$")]
    public void A_line_says_who_called_what_and_what_came_of_it(uint program, uint version, uint procedure, string pattern)
    {
        using RpcProtocol protocol = Make(isJson: false);
        Answer(protocol, Call(program, version, procedure));
        Assert.That(_lines.Single(), Does.Match(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z ").And.Match(pattern));
    }

    [Test]
    public void As_JSON_it_is_an_object()
    {
        using RpcProtocol protocol = Make(isJson: true);
        Answer(protocol, Call(0x2000_4543, 1, 0));
        using JsonDocument json = JsonDocument.Parse(_lines.Single());
        Assert.That(json.RootElement.EnumerateObject().Select(field => field.Name), Is.EqualTo(new[] { "time", "peer", "program", "version", "procedure", "status", "received", "sent", "us" }));
        Assert.That((json.RootElement.GetProperty("version").GetInt32(), json.RootElement.GetProperty("status").GetString()), Is.EqualTo((1, "SUCCESS")));
    }

    [Test]
    public void Of_a_sample_one_call_of_so_many_has_a_line()
    {
        using RpcProtocol protocol = Make(isJson: false, sample: 10);
        for (int i = 0; i < 100; i++)
            Answer(protocol, Call(0x2000_4543, 1, 0));
        Assert.That(_lines, Has.Count.EqualTo(10));
        Assert.That(protocol.Durations!.Read().Single(one => one.Counts.Sum() > 0).Counts.Sum(), Is.EqualTo(100), "all are timed");
    }

    [Test]
    public void A_call_whose_reply_comes_later_has_its_line_then()
    {
        Waiting program = new();
        using RpcProtocol protocol = new(program) { CallLog = new(line => _lines.Add(Encoding.UTF8.GetString(line))) };
        protocol.Open(new());
        Answer(protocol, Call(Waiting.ProgramNumber, 1, 1));
        Assert.That(_lines, Is.Empty);
        program.Ended.SetResult(7);
        Eventually.Holds(() => _lines.Count == 1, () => "there is no line");
        Assert.That(_lines.Single(), Does.Match(@" tcp://127\.0\.0\.1:4242 \S+/1/\S+ SUCCESS 44 32 \d+\n$"));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void Nothing_is_allocated_for_a_line_nor_for_a_time(bool isJson)
    {
        long bytes = 0;
        using RpcProtocol protocol = new(new MultiplexProgram(new ServerCounters())) { MeasuresDurations = true, CallLog = new(line => bytes += line.Length, isJson) };
        protocol.Open(new());
        byte[] call = Call(0x2000_4543, 1, 0);
        OutputBuffer reply = new();
        Eventually.Holds(() => Allocated() == 0, "once it is optimized: code that is not boxes what it formats");
        Assert.That(bytes, Is.Positive);

        long Allocated()
        {
            AllocationRounds rounds = new();
            while (rounds.Next())
            {
                protocol.AnswerFrame(call, new Peer(EndpointKind.Tcp, s_address), reply);
                reply.Clear();
            }

            return rounds.Least;
        }
    }

    private RpcProtocol Make(bool isJson, int sample = 1)
    {
        RpcProtocol protocol = new(new MultiplexProgram(new ServerCounters())) { MeasuresDurations = true, CallLog = new(line => _lines.Add(Encoding.UTF8.GetString(line)), isJson, sample) };
        protocol.Open(new());
        _lines.Clear();
        return protocol;
    }

    private static void Answer(RpcProtocol protocol, byte[] call) => protocol.AnswerFrame(call, new Peer(EndpointKind.Tcp, s_address), new OutputBuffer());

    private static byte[] Call(uint program, uint version, uint procedure)
    {
        byte[] call = new byte[44];
        uint[] words = [0x8000_0028, 1, 0, 2, program, version, procedure];
        for (int i = 0; i < words.Length; i++)
            BinaryPrimitives.WriteUInt32BigEndian(call.AsSpan(i * 4), words[i]);
        return call;
    }

    private sealed class Waiting : IRpcProgram
    {
        public const uint ProgramNumber = 0x2000_4548;

        public TaskCompletionSource<uint> Ended { get; } = new();

        public uint Number => ProgramNumber;

        public uint Version => 1;

        public IReadOnlyList<ProcedureEntry> Procedures =>
        [
            new(1, (in RpcCall call, ref XdrReader arguments, XdrWriter results, RpcInvocation invocation) =>
                invocation.Await(Ended.Task, results, static (writer, value) => writer.WriteUInt32(value))) { IsAsync = true, IsIdempotent = true },
        ];
    }
}
