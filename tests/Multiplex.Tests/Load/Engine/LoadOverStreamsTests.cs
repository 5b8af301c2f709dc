using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Multiplex.Load.Engine;
using Multiplex.Load.Measuring;
using Multiplex.Load.Workload;
using Multiplex.Sockets;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Load.Engine;

/// <summary>The load generator on streams: RPC replies may come in any order, but one for each call; echoes come in order.</summary>
public class LoadOverStreamsTests
{
    private const int Depth = 4;

    /// <summary>Answers calls in groups of four, with a fate for each of the four replies, until so many groups have come.</summary>
    private static LoadTally Load(Func<byte[][], IEnumerable<byte[]>> rearrange, int groups = 100, TimeSpan? timeout = null, int callsPerConnection = 0)
    {
        using CancellationTokenSource enough = new();
        int count = 0;
        using Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        Background.Run(() => Accept(listener, replies =>
        {
            if (Interlocked.Increment(ref count) == groups)
                enough.Cancel();
            return rearrange(replies);
        }));
        LoadOptions options = new()
        {
            Server = Endpoint.Parse($"tcp://{listener.LocalEndPoint}"),
            Exchange = () => new RpcExchange(EndpointKind.Tcp, 64),
            Connections = 2,
            Depth = Depth,
            Duration = Eventually.Deadline,
            Timeout = timeout ?? Eventually.Deadline,
            CallsPerConnection = callsPerConnection,
        };
        LoadTally tally = LoadGenerator.Run(options, report: null, enough.Token);
        Assert.That(enough.IsCancellationRequested, Is.True, "it went on");
        return tally;
    }

    private static void Accept(Socket listener, Func<byte[][], IEnumerable<byte[]>> rearrange)
    {
        try
        {
            while (true)
            {
                Socket connection = listener.Accept();
                Background.Run(() => Converse(connection, rearrange));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // the test has ended
        }
    }

    private static void Converse(Socket connection, Func<byte[][], IEnumerable<byte[]>> rearrange)
    {
        using ServerCounters counters = new();
        RpcProtocol protocol = new(new MultiplexProgram(counters));
        using NetworkStream stream = new(connection, ownsSocket: true);
        OutputBuffer reply = new();
        byte[] header = new byte[RecordMarking.HeaderLength];
        byte[][] replies = new byte[Depth][];
        try
        {
            while (true)
            {
                for (int i = 0; i < Depth; i++)
                {
                    stream.ReadExactly(header);
                    byte[] call = new byte[BinaryPrimitives.ReadUInt32BigEndian(header) & ~RecordMarking.LastFragment];
                    stream.ReadExactly(call);
                    reply.Clear();
                    int start = RecordMarking.Begin(reply);
                    protocol.AnswerMessage(call, default, reply);
                    RecordMarking.End(reply, start);
                    replies[i] = reply.Written.ToArray();
                }

                stream.Write([.. rearrange(replies).SelectMany(bytes => bytes)]);
            }
        }
        catch (IOException)
        {
            // the client has gone
        }
    }

    [Test]
    public void Replies_in_any_order_are_right()
    {
        Random random = new(1);
        LoadTally tally = Load(
            replies =>
            {
                lock (random)
                {
                    random.Shuffle(replies);
                }

                return replies;
            },
            groups: 1000);
        Assert.That(tally.Errors.Total, Is.Zero);
        Assert.That(tally.Latencies.Count, Is.Positive);
    }

    [Test]
    public void A_second_reply_to_the_same_call_is_wrong()
    {
        LoadErrors errors = Load(replies => [replies[3], replies[3], replies[0], replies[1], replies[2]]).Errors;
        Assert.That(errors.WrongReplies, Is.Positive);
        Assert.That(errors.Total, Is.EqualTo(errors.WrongReplies));
    }

    [Test]
    public void A_reply_to_a_call_that_was_never_made_is_wrong_and_its_own_stays_due()
    {
        LoadErrors errors = Load(
            replies =>
            {
                replies[2][RecordMarking.HeaderLength] ^= 0x80;
                return replies;
            },
            groups: 6,   // of two connections, each of which ends with the timeout after one group
            timeout: TimeSpan.FromMilliseconds(500)).Errors;
        Assert.That(errors.WrongReplies, Is.Positive);
        Assert.That(errors.Timeouts, Is.Positive);
    }

    [Test]
    public void A_wrong_reply_counts_for_the_call_that_it_names()
    {
        LoadErrors errors = Load(replies =>
        {
            replies[2][^1] ^= 1;
            return replies.Reverse();
        }).Errors;
        Assert.That(errors.WrongReplies, Is.Positive);
        Assert.That(errors.Total, Is.EqualTo(errors.WrongReplies), "the connection goes on");
    }

    [Test]
    public void A_call_of_the_servers_is_no_reply([Values(0, 2, Depth)] int at)
    {
        LoadErrors errors = Load(replies => [.. replies[..at], ServersCall(), .. replies[at..]]).Errors;
        Assert.That(errors.Total, Is.Zero);
        Assert.That(errors.ServerCalls, Is.Positive);
    }

    private static byte[] ServersCall()
    {
        OutputBuffer message = new(), record = new();
        CallWriter.Head(message, xid: 0, new(77, 1, 0), RpcAuthentication.None);
        RecordMarking.Write(record, message.Written);
        return record.Written.ToArray();
    }

    [Test]
    public void Replies_in_any_order_and_a_connection_for_every_four_calls_go_together()
    {
        LoadTally tally = Load(replies => replies.Reverse(), callsPerConnection: Depth);
        Assert.That(tally.Errors.Total, Is.Zero);
        Assert.That(tally.Latencies.Count, Is.Positive);
    }
}
