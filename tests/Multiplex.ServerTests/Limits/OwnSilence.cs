using System.Diagnostics;
using System.Net.Sockets;
using Multiplex.ServerTests.Harness;

namespace Multiplex.ServerTests.Limits;

/// <summary>
/// How long the clients of a test were silent at most, as the server may have seen it. A test that was held up for so long finds its connections closed, and the
/// server is right.
/// </summary>
internal sealed class OwnSilence
{
    private TimeSpan _longest;

    /// <summary>Repeats a scenario until no silence of the test itself was longer than half the idle time, or the deadline has passed.</summary>
    /// <param name="idle">The server's idle time.</param>
    /// <param name="scenario">It throws when a connection is closed, and asserts nothing: what it returns is for that.</param>
    public static T Without<T>(TimeSpan idle, Func<OwnSilence, T> scenario)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            OwnSilence own = new();
            bool MayRepeat() => own._longest > idle / 2 && Stopwatch.GetElapsedTime(start) < Eventually.Deadline;
            try
            {
                T found = scenario(own);
                if (!MayRepeat())
                    return found;
            }
            catch (Exception e) when (e is EndOfStreamException or SocketException && MayRepeat())
            {
                // The server may have closed the connection for the test's own silence.
            }
        }
    }

    /// <summary>A connection was silent from then, at the earliest, until now.</summary>
    public void Since(long then)
    {
        TimeSpan silence = Stopwatch.GetElapsedTime(then);
        _longest = silence > _longest ? silence : _longest;
    }
}

/// <summary>A client that calls, and notes how long it was silent in between.</summary>
internal sealed class TimedPeer : IDisposable
{
    private readonly OwnSilence _own;
    private long _quietFrom = Stopwatch.GetTimestamp();   // the server has answered later, or accepted

    public TimedPeer(ServerAddress server, OwnSilence own)
    {
        _own = own;
        Peer = new(server);
    }

    public RpcPeer Peer { get; }

    /// <summary>Whether something has come. If not, the server has not answered before now.</summary>
    public bool HasReply
    {
        get
        {
            long now = Stopwatch.GetTimestamp();
            if (Peer.Client.Socket.Poll(0, SelectMode.SelectRead))
                return true;
            _quietFrom = now;
            return false;
        }
    }

    /// <summary>Sends a call without waiting for its reply.</summary>
    public uint Begin(uint procedure, params byte[] arguments)
    {
        long before = Stopwatch.GetTimestamp();
        uint xid = Peer.Begin(procedure, arguments);
        SaysSomething(before);
        return xid;
    }

    /// <summary>Sends bytes.</summary>
    public void Send(ReadOnlySpan<byte> bytes)
    {
        long before = Stopwatch.GetTimestamp();
        Peer.Client.Send(bytes);
        SaysSomething(before);
    }

    public void Null() => Peer.Finish(Begin(RpcWire.Null));

    /// <summary>It is silent up to here, and not looked at from now on.</summary>
    public void End() => _own.Since(_quietFrom);

    public void Dispose() => Peer.Dispose();

    private void SaysSomething(long before)
    {
        _own.Since(_quietFrom);
        _quietFrom = before;
    }
}
