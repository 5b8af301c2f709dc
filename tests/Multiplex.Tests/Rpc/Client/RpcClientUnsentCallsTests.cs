using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net.Sockets;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Rpc.Client;

/// <summary>
/// Calls that end while the server receives nothing: a call of which the kernel has no bytes is never sent, so that a server which continues later
/// does not run it; a call that was sent in part is sent to its end.
/// </summary>
public class RpcClientUnsentCallsTests
{
    private const int Count = 400;
    private static readonly byte[] s_filler = new byte[48 * 1024];

    // More than any socket buffers; the client keeps the connection.
    private static readonly RpcClientOptions s_options = new() { Timeout = Eventually.Deadline, ReconnectAfterTimeouts = 0, DatagramWindow = Count };

    [Test]
    public void Calls_whose_time_is_up_are_sent_only_if_they_were_begun(
        [Values(EndpointKind.Tcp, EndpointKind.Unix, EndpointKind.UnixPacket)] EndpointKind kind)
    {
        using ManualResetEventSlim goesOn = new();
        ConcurrentQueue<uint> received = new();
        using ScriptedServer server = Serve(kind, goesOn, received);
        using RpcClient client = new(server.Endpoint, s_options);
        Task<uint>[] calls = Begin(client, new() { Timeout = TimeSpan.FromMilliseconds(100) });
        bool[] sent = [.. calls.Select(call => Failure<RpcTimeoutException>(call).WasSent)];
        goesOn.Set();
        Assert.That(Call(client, Count).GetAwaiter().GetResult(), Is.EqualTo(Count));
        Assert.That(received, Is.EqualTo((uint[])[.. Enumerable.Range(0, Count).Where(i => sent[i]).Select(i => (uint)i), Count]));
        Assert.That(sent[^1], Is.False, "the server has taken no more than its socket holds");
    }

    [Test]
    public void Calls_that_are_cancelled_are_sent_only_if_they_were_begun(
        [Values(EndpointKind.Tcp, EndpointKind.Unix, EndpointKind.UnixPacket)] EndpointKind kind)
    {
        using ManualResetEventSlim goesOn = new();
        using CancellationTokenSource source = new();
        ConcurrentQueue<uint> received = new();
        using ScriptedServer server = Serve(kind, goesOn, received);
        using RpcClient client = new(server.Endpoint, s_options);
        Task<uint>[] calls = Begin(client, null, source.Token);
        Task<uint> between = Call(client, Count);
        Task<uint>[] others = Begin(client, null, source.Token);
        source.Cancel();
        foreach (Task<uint> call in calls.Concat(others))
            Assert.That(() => call.Wait(Eventually.Deadline), Throws.InnerException.InstanceOf<OperationCanceledException>());
        goesOn.Set();
        Assert.That(between.Wait(Eventually.Deadline), Is.True, "what stands between calls that are gone is sent");
        Assert.That(received.Last(), Is.EqualTo(Count));
        Assert.That(received, Has.Count.LessThan(Count).And.Ordered, "a part of the calls, in their order, each whole");
    }

    [Test]
    public void Datagrams_that_the_server_had_no_room_for_are_not_sent_later()
    {
        using Socket server = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        string name = $"multiplex-unsent-{Guid.NewGuid():N}";
        server.Bind(new UnixDomainSocketEndPoint($"\0{name}"));
        using RpcClient client = new(Endpoint.Parse($"unixgram:@{name}"), s_options with { FirstRetry = Eventually.Deadline });
        Task<uint>[] calls = Begin(client, new() { Timeout = TimeSpan.FromMilliseconds(100) });
        bool[] sent = [.. calls.Select(call => Failure<RpcTimeoutException>(call).WasSent)];
        Task<uint> last = Call(client, Count);
        List<uint> received = [];
        byte[] datagram = new byte[64 * 1024];
        System.Net.EndPoint from = new UnixDomainSocketEndPoint("\0");
        while (received.LastOrDefault() != Count)
        {
            server.ReceiveTimeout = (int)Eventually.Deadline.TotalMilliseconds;
            int length = server.ReceiveFrom(datagram, ref from);
            received.Add(BinaryPrimitives.ReadUInt32BigEndian(datagram.AsSpan(CallWriter.HeadLength, length - CallWriter.HeadLength)));
        }

        Assert.That(received, Is.EqualTo((uint[])[.. Enumerable.Range(0, Count).Where(i => sent[i]).Select(i => (uint)i), Count]));
        Assert.That(sent[^1], Is.False, "the queue of a UNIX datagram socket is short");
        client.Dispose();
        Assert.That(() => last.Wait(Eventually.Deadline), Throws.InnerException.TypeOf<ObjectDisposedException>());
    }

    [Test]
    public void Calls_that_are_gone_take_no_room_of_those_to_come()
    {
        using ManualResetEventSlim goesOn = new();
        ConcurrentQueue<uint> received = new();
        using ScriptedServer server = Serve(EndpointKind.Tcp, goesOn, received);
        using RpcClient client = new(server.Endpoint, s_options with { MaxUnsent = 2 * Count * s_filler.Length });
        for (int i = 0; i < 4; i++)
        {
            foreach (Task<uint> call in Begin(client, new() { Timeout = TimeSpan.FromMilliseconds(20) }))
                Failure<RpcTimeoutException>(call);
        }

        goesOn.Set();
        Assert.That(Call(client, Count).Wait(Eventually.Deadline), Is.True);
    }

    // Answers the last call alone.
    private static ScriptedServer Serve(EndpointKind kind, ManualResetEventSlim goesOn, ConcurrentQueue<uint> received) => new(
        connection =>
        {
            goesOn.Wait();
            while (true)
            {
                ReceivedCall call = connection.Receive();
                uint number = BinaryPrimitives.ReadUInt32BigEndian(call.Arguments);
                received.Enqueue(number);
                if (number == Count)
                    connection.Answer(call.Xid, call.Arguments[..4]);
            }
        },
        kind);

    private static Task<uint>[] Begin(RpcClient client, RpcCallOptions? options, CancellationToken cancellation = default) =>
        [.. Enumerable.Range(0, Count).Select(i => Call(client, (uint)i, options, cancellation))];

    private static Task<uint> Call(RpcClient client, uint number, RpcCallOptions? options = null, CancellationToken cancellation = default) => client.CallAsync(
        MultiplexV1.Add,
        number,
        (writer, value) =>
        {
            writer.WriteUInt32(value);
            writer.WriteOpaque(s_filler);
        },
        (ref XdrReader reader) => reader.ReadUInt32(),
        options,
        cancellation).AsTask();

    private static T Failure<T>(Task call)
        where T : Exception
    {
        AggregateException? failure = Assert.Throws<AggregateException>(() => Assert.That(call.Wait(Eventually.Deadline), Is.True));
        Assert.That(failure!.InnerException, Is.TypeOf<T>());
        return (T)failure.InnerException!;
    }
}
