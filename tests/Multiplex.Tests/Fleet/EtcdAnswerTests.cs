using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Multiplex.Fleet;
using Multiplex.Fleet.Etcd;

namespace Multiplex.Tests.Fleet;

/// <summary>What etcd's port answers may be no answer of etcd: that is reported, and asked again, and nothing ends.</summary>
public sealed class EtcdAnswerTests
{
    private const string Listed = """{"header":{"revision":"5"},"kvs":[{"key":"L211bHRpcGxleC9ycGMvNy8xL3RjcC8xOTIuMC4yLjcuMTUuMTYw"}]}""";   // /multiplex/rpc/7/1/tcp/192.0.2.7.15.160

    private readonly ConcurrentQueue<string> _lines = [];
    private AnsweringServer _server = null!;
    private EtcdClient _client = null!;

    // A client waits 3 s for an answer. The first one waits for the compiler too.
    [OneTimeSetUp]
    public void Compile()
    {
        Start();
        _server.Answer = _ => Listed;
        Eventually.Holds(IsAnswered, "no list is answered");
        Stop();
    }

    [SetUp]
    public void Start()
    {
        _lines.Clear();
        _server = new();
        _client = new(EtcdAddress.Parse($"etcd://{_server.Address}"));
    }

    [TearDown]
    public void Stop()
    {
        _client.Dispose();
        _server.Dispose();
    }

    [TestCase("{}")]
    [TestCase("""{"header":null}""")]
    [TestCase("""{"header":{"revision":"5"},"kvs":[null]}""")]
    [TestCase("""{"header":{"revision":"5"},"kvs":[{}]}""")]
    [TestCase("""{"header":{"revision":"5"},"kvs":[{"key":"no*base64"}]}""")]
    [TestCase("""{"header":7}""")]
    [TestCase("null")]
    [TestCase("")]
    [TestCase("<html>")]
    public async Task What_is_no_list_of_etcd_is_reported_and_asked_for_again(string answer)
    {
        _server.Answer = _ => answer;
        await using EtcdMirror mirror = new(_client, FleetEntry.KeysOf("/multiplex"), _lines.Enqueue);
        Eventually.Holds(() => !_lines.IsEmpty, "nothing is reported");
        Assert.That(_lines, Is.EqualTo((string[])[$"etcd at {_server.Address}: what answers is no etcd, or has another version of its API: what was known of the fleet is used until it answers"]));
        Assert.That(mirror.Listed.IsCompleted, Is.False);
        _server.Answer = _ => Listed;
        await mirror.Listed.WaitAsync(Eventually.Deadline);
        Assert.That(mirror.Entries.Single().Endpoint.ToString(), Is.EqualTo("tcp://192.0.2.7:4000"));
        Assert.That(_lines.Last(), Is.EqualTo("etcd answers again"));
    }

    [TestCase("""{"result":{}}""")]
    [TestCase("""{"result":{"header":{"revision":"6"},"events":[null]}}""")]
    [TestCase("""{"result":{"header":{"revision":"6"},"events":[{"type":"DELETE"}]}}""")]
    [TestCase("""{"result":{"header":{"revision":"6"},"events":[{"kv":{}}]}}""")]
    public async Task After_what_is_no_watch_of_etcd_the_entries_are_listed_again(string change)
    {
        int lists = 0;
        _server.Answer = path => path == "/v3/watch" ? change : Interlocked.Increment(ref lists) > 0 ? Listed : "";
        await using EtcdMirror mirror = new(_client, FleetEntry.KeysOf("/multiplex"), _lines.Enqueue);
        Eventually.Holds(() => Volatile.Read(ref lists) >= 3, "they are not listed again");
        Assert.That(mirror.Entries, Has.Count.EqualTo(1));
    }

    [TestCase("/v3/lease/grant")]
    [TestCase("/v3/kv/put")]
    public async Task What_is_no_lease_and_no_write_of_etcd_is_reported_and_written_again(string damaged)
    {
        _server.Answer = path => path == damaged ? "{}" : Kept(path);
        await using EtcdRegistrations registrations = new(_client, TimeSpan.FromMinutes(1), _lines.Enqueue, () => [FleetEntry.Parse("7/1/tcp/192.0.2.7.15.160")!]);
        Eventually.Holds(() => !_lines.IsEmpty, "nothing is reported");
        Assert.That(_lines.Single(), Does.Contain("what answers is no etcd").And.EndsWith(": registrations are written when it answers"));
        Assert.That(registrations.Written.IsCompleted, Is.False);
        _server.Answer = Kept;
        await registrations.Written.WaitAsync(Eventually.Deadline);
        Assert.That(registrations.Lease, Is.EqualTo(7));
    }

    [Test]
    public async Task Any_other_failure_is_reported_too()
    {
        _server.Answer = path => path == "/v3/kv/range" ? Listed : Kept(path);
        bool fails = true;
        await using EtcdMirror mirror = new(_client, FleetEntry.KeysOf("/multiplex"), _lines.Enqueue, _ => Fail());
        Eventually.Holds(() => _lines.Count == 1, "the follower reports nothing");
        await using EtcdRegistrations registrations = new(_client, TimeSpan.FromMinutes(1), _lines.Enqueue, () =>
        {
            Fail();
            return [];
        });
        Eventually.Holds(() => _lines.Count == 2, "the writer reports nothing");
        Assert.That(_lines, Has.All.StartsWith("this fails: "));
        Volatile.Write(ref fails, false);
        await Task.WhenAll(mirror.Listed, registrations.Written).WaitAsync(Eventually.Deadline);

        void Fail()
        {
            if (Volatile.Read(ref fails))
                throw new NotSupportedException("this fails");
        }
    }

    [Test]
    public void A_client_of_a_fleet_says_what_answers()
    {
        _server.Answer = _ => "{}";
        Assert.That(
            async () => await FleetClient.ConnectAsync($"rpc+etcd://{_server.Address}/7", new() { ConnectTimeout = Eventually.Deadline / 10 }),
            Throws.InstanceOf<IOException>().With.Message.EqualTo($"etcd at {_server.Address}: what answers is no etcd, or has another version of its API"));
    }

    private bool IsAnswered()
    {
        try
        {
            return _client.RangeAsync("/"u8.ToArray(), CancellationToken.None).GetAwaiter().GetResult().Header.Revision == 5;
        }
        catch (EtcdException)
        {
            return false;
        }
    }

    private static string Kept(string path) => path switch
    {
        "/v3/lease/grant" => """{"header":{"revision":"5"},"ID":"7","TTL":"60"}""",
        "/v3/lease/keepalive" => """{"result":{"header":{"revision":"5"},"ID":"7","TTL":"60"}}""",
        _ => """{"header":{"revision":"5"}}""",
    };

    /// <summary>An HTTP server that has one answer for a path.</summary>
    private sealed class AnsweringServer : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly Task _serving;

        public AnsweringServer()
        {
            _listener.Start();
            _serving = ServeAsync();
        }

        /// <summary>The body of the answer to a POST of this path.</summary>
        public Func<string, string> Answer { get; set => Volatile.Write(ref field, value); } = _ => "{}";

        public string Address => _listener.LocalEndpoint.ToString()!;

        public void Dispose()
        {
            _listener.Dispose();
            Assert.That(() => _serving.Wait(Eventually.Deadline), Is.True);
        }

        private async Task ServeAsync()
        {
            while (true)
            {
                TcpClient client;
                try
                {
                    client = await _listener.AcceptTcpClientAsync();
                }
                catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
                {
                    return;   // it is disposed
                }

                using (client)
                {
                    try
                    {
                        await AnswerAsync(client.GetStream());
                    }
                    catch (IOException)
                    {
                        // The client has gone.
                    }
                }
            }
        }

        private async Task AnswerAsync(NetworkStream stream)
        {
            using StreamReader request = new(stream, Encoding.ASCII);
            string path = (await request.ReadLineAsync())?.Split(' ')[1] ?? "";
            int length = 0;
            while (await request.ReadLineAsync() is { Length: > 0 } header)
            {
                if (header.StartsWith("Content-Length: ", StringComparison.OrdinalIgnoreCase))
                    length = int.Parse(header.Split(' ')[1]);
            }

            await request.ReadBlockAsync(new char[length]);
            byte[] body = Encoding.UTF8.GetBytes(Answer(path));
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=none\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n"));
            await stream.WriteAsync(body);
        }
    }
}
