using Multiplex.Engine;
using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Client;

/// <summary>The first connection of a client, made on the event loop: no thread waits for it.</summary>
internal sealed class Connecting
{
    private readonly ConnectionRace _race;
    private readonly RpcEventLoop _thread;
    private readonly List<LoopHandler> _watched = [];
    private readonly Action _step;
    private readonly TaskCompletionSource<SyscallResult> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isOver;
    private int _address;

    private Connecting(ConnectionRace race, RpcEventLoop thread)
    {
        (_race, _thread) = (race, thread);
        _step = Step;
    }

    /// <summary>Blocks until the server has accepted.</summary>
    /// <returns>A non-blocking socket, and the index of the address that it is connected to.</returns>
    /// <exception cref="SyscallException">No address accepts a connection.</exception>
    public static (int Descriptor, int Address) Block(Endpoint server, IReadOnlyList<byte[]> addresses, RpcClientOptions options)
    {
        SyscallResult result = new ConnectionRace(server, addresses, options.ConnectTimeout, options.BindReservedPort).Run(out int address);
        return (Descriptor(result, server, options), address);
    }

    /// <summary>Connects without blocking a thread. Sockets are made on the calling thread as far as the first address needs one.</summary>
    /// <returns>As <see cref="Block"/>.</returns>
    /// <exception cref="SyscallException">No address accepts a connection.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static async Task<(int Descriptor, int Address)> Await(
        Endpoint server, IReadOnlyList<byte[]> addresses, RpcClientOptions options, TimeSpan timeout, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        Connecting self = new(new(server, addresses, timeout, options.BindReservedPort), options.EventLoop ?? RpcEventLoop.Shared);
        if (self._race.Step())
        {
            self.Finish();
            return (Descriptor(await self._end.Task.ConfigureAwait(false), server, options), self._address);
        }

        self._thread.Post(self._step);
        using CancellationTokenRegistration registration = cancellation.UnsafeRegister(_ => self._thread.Post(() => self.Cancel(cancellation)), null);
        return (Descriptor(await self._end.Task.ConfigureAwait(false), server, options), self._address);
    }

    private static int Descriptor(SyscallResult result, Endpoint server, RpcClientOptions options) =>
        result.IsError ? throw ClientSocket.Problem(result.Errno, server, options) : (int)result.Value;

    // On the loop's thread, as all that follows.
    private void Step()
    {
        if (_isOver)
            return;
        Unwatch();
        try
        {
            if (_race.Step())
                Finish();
            else
                Watch();
        }
        catch (SyscallException e)
        {
            Abandon();   // such as EMFILE
            _end.TrySetException(e);
        }
    }

    private void Watch()
    {
        foreach (pollfd attempt in _race.Attempts)
        {
            if (attempt.fd < 0)
                continue;
            Attempt handler = new(this, attempt.fd);
            _thread.Loop.Add(handler, Interest.Writable);
            _watched.Add(handler);
        }

        if (_race.Due != long.MaxValue)
            _thread.Loop.At(_race.Due, _step);
    }

    private void Cancel(CancellationToken cancellation)
    {
        if (_isOver)
            return;
        Abandon();
        _end.TrySetCanceled(cancellation);
    }

    private void Abandon()
    {
        Unwatch();
        SyscallResult result = _race.End(out _);
        if (!result.IsError)
            close((int)result.Value);
        _isOver = true;
    }

    private void Finish()
    {
        _isOver = true;
        _end.TrySetResult(_race.End(out _address));
    }

    // Before an attempt's socket is closed.
    private void Unwatch()
    {
        _thread.Loop.Cancel(_step);
        _watched.ForEach(_thread.Loop.Remove);
        _watched.Clear();
    }

    private sealed class Attempt(Connecting connecting, int descriptor) : LoopHandler(descriptor)
    {
        public override Next OnReady(Interest ready)
        {
            connecting.Step();
            return new(Watched);   // it is no longer watched
        }
    }
}
