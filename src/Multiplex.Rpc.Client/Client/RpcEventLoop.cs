using Multiplex.Engine;
using Multiplex.Multiplexers;

namespace Multiplex.Rpc.Client;

/// <summary>
/// A thread with an event loop for the sockets of clients: it receives the replies to asynchronous calls, so that these cost
/// no thread of the pool. One serves many clients. It starts with the first asynchronous call.
/// </summary>
public sealed class RpcEventLoop : IDisposable
{
    private readonly Lock _gate = new();
    private readonly bool _isShared;
    private volatile Thread? _thread;
    private volatile bool _isStopped;

    /// <summary>A loop of its own, for clients that are not to share one with all others.</summary>
    public RpcEventLoop()
        : this(isShared: false)
    {
    }

    private RpcEventLoop(bool isShared)
    {
        _isShared = isShared;
        Loop.AcceptPosts();
    }

    /// <summary>The loop of every client whose options name no other. It is never disposed of.</summary>
    public static RpcEventLoop Shared { get; } = new(isShared: true);

    /// <summary>The loop. But for <see cref="Post"/>, all is done on its thread.</summary>
    internal EventLoop Loop { get; } = new(new EpollMultiplexer());

    /// <summary>Whether the loop has been disposed of.</summary>
    internal bool IsStopped => _isStopped;

    /// <summary>Whether this runs on the loop's thread.</summary>
    internal bool IsCurrentThread => Thread.CurrentThread == _thread;

    /// <summary>Ends the thread. Dispose of the clients before: calls in flight would have no reply.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_isStopped || _isShared)
                return;
            _isStopped = true;
        }

        if (_thread is null)
        {
            Loop.Dispose();
            return;
        }

        Loop.Post(static () => { });   // ends the wait
        if (!IsCurrentThread)
            _thread.Join();
    }

    /// <summary>Runs something on the loop's thread, which is started if need be.</summary>
    /// <exception cref="ObjectDisposedException">The loop has been disposed of.</exception>
    internal void Post(Action work)
    {
        if (_thread is null || _isStopped)
            Start();
        Loop.Post(work);
    }

    private void Start()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isStopped, this);
            if (_thread is not null)
                return;
            Thread thread = new(Run) { IsBackground = true, Name = "multiplex RPC client" };
            _thread = thread;
            thread.Start();
        }
    }

    private void Run()
    {
        while (!_isStopped)
            Loop.Turn();
        Loop.Dispose();
    }
}
