using Multiplex.Rpc.Messages;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tracing.Recordings;

/// <summary>A client of the story: a thread of this process, so that strace(1) can be attached to it alone.</summary>
internal sealed class StoryClient
{
    private const long NanosecondsAMillisecond = 1_000_000;
    private const int LongestWait = 10;   // seconds

    private readonly byte[] _address;
    private readonly bool _hasRecords;
    private readonly byte[] _buffer = new byte[64 * 1024];
    private readonly TaskCompletionSource<int> _id = new();
    private readonly TaskCompletionSource<long> _start = new();
    private readonly Thread _thread;
    private int _socket;

    /// <summary>Starts its thread, which waits for <see cref="Begin"/>.</summary>
    /// <param name="name">What it is called.</param>
    /// <param name="server">The server.</param>
    /// <param name="hasRecords">Whether a reply is a record, RFC 5531 section 11; otherwise it is as long as the request.</param>
    /// <param name="part">What it does.</param>
    public StoryClient(string name, Endpoint server, bool hasRecords, Action<StoryClient> part)
    {
        (Name, _hasRecords, _address) = (name, hasRecords, AddressLookup.Find(server, passive: false)[0]);
        _thread = new(() => Run(part)) { IsBackground = true, Name = name };
        _thread.Start();
        ThreadId = _id.Task.Result;
    }

    /// <summary>What it is called.</summary>
    public string Name { get; }

    /// <summary>Its thread: gettid(2).</summary>
    public int ThreadId { get; }

    /// <summary>Which call failed, if one did; it went no further then.</summary>
    public string? Failure { get; private set; }

    /// <summary>Lets it act.</summary>
    /// <param name="start">The beginning of the story, in nanoseconds of CLOCK_MONOTONIC.</param>
    public void Begin(long start) => _start.SetResult(start);

    /// <summary>Waits until its part is over.</summary>
    /// <returns>Whether it is, within this time.</returns>
    public bool Join(TimeSpan timeout) => _thread.Join(timeout);

    /// <summary>Sleeps until so many milliseconds of the story have passed.</summary>
    public void At(int milliseconds) => clock_nanosleep_until(_start.Task.Result + (milliseconds * NanosecondsAMillisecond));

    /// <summary>socket(2), connect(2).</summary>
    public void Connect()
    {
        _socket = socket(_address[0] == AF_INET6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0).OrThrow("socket");
        setsockopt(_socket, SOL_SOCKET, SO_RCVTIMEO, new timeval { tv_sec = LongestWait }).OrThrow("setsockopt SO_RCVTIMEO");
        connect(_socket, _address).OrThrow("connect");
    }

    /// <summary>send(2) of all of it.</summary>
    public void Send(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
            bytes = bytes[send(_socket, bytes, MSG_NOSIGNAL).OrThrow("send")..];
    }

    /// <summary>recv(2) until a reply has come whole.</summary>
    /// <param name="request">What it answers.</param>
    public void ReceiveReply(ReadOnlySpan<byte> request)
    {
        FramingProgress progress = default;
        int received = 0;
        do
        {
            int count = recv(_socket, _buffer.AsSpan(received), 0).OrThrow("recv");
            if (count == 0)
                throw new IOException("recv: the server closed the connection before its reply");
            received += count;
        }
        while (_hasRecords ? RecordMarking.Frame(_buffer.AsSpan(0, received), ref progress, _buffer.Length) == FrameResult.Incomplete : received < request.Length);
    }

    /// <summary>recv(2) until the server has shut down its side.</summary>
    public void ReceiveEnd()
    {
        while (recv(_socket, _buffer, 0).OrThrow("recv") > 0)
        {
        }
    }

    /// <summary>shutdown(2): nothing more will be sent, and replies are still read.</summary>
    public void HalfClose() => shutdown(_socket, SHUT_WR).OrThrow("shutdown");

    /// <summary>Resets the connection, as a machine does whose process was killed with bytes unread.</summary>
    public void Vanish()
    {
        setsockopt(_socket, SOL_SOCKET, SO_LINGER, new linger { l_onoff = 1 }).OrThrow("setsockopt SO_LINGER");
        Close();
    }

    /// <summary>close(2).</summary>
    public void Close()
    {
        close(_socket);
        _socket = -1;
    }

    private void Run(Action<StoryClient> part)
    {
        _id.SetResult(gettid());
        _start.Task.Wait();
        try
        {
            part(this);
        }
        catch (IOException e)
        {
            Failure = e.Message;
            if (_socket >= 0)
                Close();
        }
    }
}
