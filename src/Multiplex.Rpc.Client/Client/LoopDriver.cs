using Multiplex.Engine;
using Multiplex.Interop;

namespace Multiplex.Rpc.Client;

/// <summary>Drives a connection on the event loop: watches its socket, and has its turns and timers run on the loop's thread.</summary>
/// <remarks>For the loop's thread, but for <see cref="Post"/>.</remarks>
internal sealed class LoopDriver
{
    private readonly ClientConnection _connection;
    private readonly RpcEventLoop _thread;
    private readonly EventLoop _loop;
    private readonly Action _onPosted, _onTimer;
    private WatchedSocket? _watched;
    private long _timer = long.MaxValue;   // when the loop runs it

    /// <summary>Makes the driver of a connection. The loop does nothing for it before <see cref="Post"/>.</summary>
    public LoopDriver(ClientConnection connection, RpcEventLoop thread)
    {
        (_connection, _thread, _loop) = (connection, thread, thread.Loop);
        _onPosted = OnPosted;
        _onTimer = OnTimer;
    }

    /// <summary>Whether this runs on the loop's thread.</summary>
    public bool IsCurrentThread => _thread.IsCurrentThread;

    /// <summary>Has the loop give the connection a turn. For any thread.</summary>
    /// <exception cref="ObjectDisposedException">The loop has been disposed of.</exception>
    public void Post() => _thread.Post(_onPosted);

    /// <summary>Stops watching the socket, before it is closed or another thread drives. Does nothing when the loop does not watch it.</summary>
    public void Unwatch()
    {
        if (_watched is not null && !_thread.IsStopped)
            _loop.Remove(_watched);
        _watched = null;
    }

    /// <summary>The loop no longer drives the connection.</summary>
    public void Release()
    {
        Unwatch();
        if (_timer != long.MaxValue)
            _loop.Cancel(_onTimer);
        _timer = long.MaxValue;
    }

    private void OnPosted()
    {
        // Another thread may drive since this was posted.
        if (_connection.Driver.IsLoopDriving)
            Turn(Interest.None);
    }

    private void OnTimer()
    {
        _timer = long.MaxValue;
        OnPosted();
    }

    private void Turn(Interest ready)
    {
        _connection.Turn.Run((ready & Interest.Readable) != 0, (ready & Interest.Writable) != 0);
        if (_connection.Driver.LoopGoesOn())
            Watch();
        else
            _connection.CloseIfDisposed();
    }

    // Has the loop wait for what the connection waits for: usually the same as before.
    private void Watch()
    {
        (int socket, Interest interest, long until) = _connection.Turn.BeforeWait();
        try
        {
            if (_watched is not null)
                _loop.Apply(_watched, new(interest));
            else if (socket >= 0)
                Watch(new(this, socket), interest);
        }
        catch (SyscallException e)
        {
            _connection.Turn.CannotWait(e);   // such as ENOSPC: /proc/sys/fs/epoll/max_user_watches
            (_, _, until) = _connection.Turn.BeforeWait();
        }

        if (until >= _timer)
            return;   // a turn that comes too early computes when the next one is due
        if (_timer != long.MaxValue)
            _loop.Cancel(_onTimer);
        _loop.At(until, _onTimer);
        _timer = until;
    }

    private void Watch(WatchedSocket socket, Interest interest)
    {
        _loop.Add(socket, interest);
        _watched = socket;
    }

    private sealed class WatchedSocket(LoopDriver driver, int descriptor) : LoopHandler(descriptor)
    {
        public override Next OnReady(Interest ready)
        {
            driver.Turn(ready);
            return new(Watched);   // the turn has applied what is next
        }
    }
}
