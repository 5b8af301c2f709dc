using Multiplex.Sockets;
using Multiplex.Sockets.Datagrams;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Support;

/// <summary>A server model that runs on a thread of this process, at an address of its own.</summary>
internal sealed class RunningServer : IDisposable
{
    private readonly StopSource _stop = StopSignal.ByRequest();
    private readonly BoundSocket[] _sockets;
    private readonly Background<bool> _run;

    public RunningServer(
        IServerModel model, Func<ServerCounters, IProtocol> protocol, ServerOptions? options = null, params string[] endpoints)
    {
        _sockets = [.. endpoints.DefaultIfEmpty("tcp://127.0.0.1:0").Select(endpoint => Open(Endpoint.Parse(endpoint)))];
        using ManualResetEventSlim ready = new();
        Service service = new([.. _sockets.OfType<Listener>()], protocol(Counters), options ?? new(), Counters, _stop)
        {
            Datagrams = [.. _sockets.OfType<DatagramSocket>()],
            Ready = ready.Set,
        };
        _run = Background.Run(() => model.Run(service));
        Assert.That(ready.Wait(Eventually.Deadline), Is.True, "the server is ready");
    }

    public ServerCounters Counters { get; } = new();

    /// <summary>Its endpoint; the first, if it has several.</summary>
    public Endpoint Local => _sockets[0].Local;

    public IReadOnlyList<Endpoint> AllLocal => [.. _sockets.Select(socket => socket.Local)];

    /// <summary>A new connection to it, blocking; the caller closes it.</summary>
    public Client Connect()
    {
        Client client = new(Connector.Connect(Local));
        Eventually.LimitWaits(client.Descriptor);
        return client;
    }

    public void RequestStop() => _stop.Request();

    /// <summary>Waits until the server has ended.</summary>
    public void AwaitEnd() => _run.Result();

    public void AwaitCount(Counter counter, long value) =>
        Eventually.Holds(() => Counters[counter] >= value, $"{ServerCounters.NameOf(counter)} reaches {value}; it is {Counters[counter]}");

    public void Dispose()
    {
        if (_run.IsRunning)
        {
            // The second signal: do not wait for connections that a test has left open.
            _stop.Request();
            _stop.Request();
        }

        AwaitEnd();
        _stop.Dispose();
        Counters.Dispose();
    }

    private static BoundSocket Open(Endpoint endpoint) =>
        endpoint.Kind.IsDatagram() ? DatagramSocket.Open(endpoint) : Listener.Open(endpoint, 1024);
}

/// <summary>The client's end of a connection, for tests: blocking, and bytes in, bytes out.</summary>
internal sealed class Client(int descriptor) : IDisposable
{
    private bool _closed;

    public int Descriptor => descriptor;

    public void Send(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
            bytes = bytes[send(descriptor, bytes, MSG_NOSIGNAL).OrThrow("send")..];
    }

    /// <summary>Sends until all is sent or the connection has ended.</summary>
    public void SendWhileItIsTaken(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty && send(descriptor, bytes, MSG_NOSIGNAL) is { IsError: false } sent)
            bytes = bytes[(int)sent.Value..];
    }

    /// <summary>Reads exactly so many bytes.</summary>
    public byte[] Read(int count)
    {
        byte[] bytes = new byte[count];
        for (int have = 0; have < count;)
        {
            int got = recv(descriptor, bytes.AsSpan(have), 0).OrThrow("recv");
            Assert.That(got, Is.Positive, $"the server closed the connection after {have} of {count} bytes");
            have += got;
        }

        return bytes;
    }

    /// <summary>Reads to the end of file.</summary>
    public byte[] ReadToEnd()
    {
        List<byte> all = [];
        byte[] part = new byte[64 * 1024];
        int got;
        while ((got = recv(descriptor, part, 0).OrThrow("recv")) > 0)
            all.AddRange(part.AsSpan(0, got));
        return [.. all];
    }

    public void EndSending() => shutdown(descriptor, SHUT_WR).OrThrow("shutdown");

    /// <summary>Closes the connection so that the server gets a reset.</summary>
    public void Reset()
    {
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, new linger { l_onoff = 1 }).OrThrow("setsockopt");
        Dispose();
    }

    public void Dispose()
    {
        if (_closed)
            return;
        _closed = true;
        close(descriptor).OrThrow("close");
    }
}
