using Multiplex.Engine;
using Multiplex.Interop;
using Multiplex.Rpc.Client;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Engine;

/// <summary>A connection of the load generator, or a datagram socket: a handler of its thread's event loop. It is made anew when it ends.</summary>
internal abstract class LoadConnection(LoadContext context) : LoopHandler(descriptor: -1)
{
    private bool _isSecuring;   // connected, but the TLS handshake is not complete

    /// <summary>The state that all connections of the thread share.</summary>
    public LoadContext Context { get; } = context;

    /// <summary>The time at which connect(2) was first called; 0 once the connection is made, including TLS if it is used.</summary>
    public long ConnectingSince { get; set; }

    /// <summary>Why there is no TLS, if one of the two sides refuses it.</summary>
    public RpcTlsException? TlsFailure => Tls?.Failure;

    /// <summary>Whether there is a socket, and it is connected.</summary>
    public bool IsConnected => Descriptor >= 0 && ConnectingSince == 0;

    /// <summary>The events that the loop waits for.</summary>
    public abstract Interest Wanted { get; }

    /// <summary>The events that the loop waits for until it is connected.</summary>
    public Interest WantedToConnect => _isSecuring ? Tls!.Wants : Interest.Readable | Interest.Writable;

    /// <summary>TLS; null for none.</summary>
    protected ClientTls? Tls { get; } = context.Tls?.Another();

    /// <summary>Whether it has made all its calls: then it is made anew at once.</summary>
    protected virtual bool IsFinished => false;

    /// <summary>A socket was made; it may still be connecting.</summary>
    public virtual void Open(int descriptor)
    {
        Descriptor = descriptor;
        _isSecuring = false;
        Context.Prepare(descriptor);
    }

    /// <summary>Goes on with TLS, once it is connected.</summary>
    /// <param name="connected">The outcome of connect(2).</param>
    /// <returns>The outcome of both: EINPROGRESS while it is not decided.</returns>
    public SyscallResult Secure(SyscallResult connected)
    {
        if (Tls is null || connected.IsError)
            return connected;
        if (!_isSecuring)
            Tls.Begin();
        _isSecuring = true;
        return Tls.Proceed(Descriptor);
    }

    /// <summary>Closes the socket, with a reset, so that no port is left in TIME_WAIT.</summary>
    public void Close()
    {
        Tls?.Close(Descriptor);
        setsockopt(Descriptor, SOL_SOCKET, SO_LINGER, new linger { l_onoff = 1 });
        close(Descriptor);
        (Descriptor, ConnectingSince) = (-1, 0);
    }

    /// <summary>It is connected, and the load has begun.</summary>
    /// <returns>False when the connection is broken; the reason has been counted. The same holds for the methods below.</returns>
    public abstract bool Start(long now);

    /// <summary>A tick has passed.</summary>
    public abstract bool Tick(long now);

    /// <summary>What the loop does next.</summary>
    public Next After(bool isAlive) =>
        !isAlive ? Next.Closing(CloseReason.Broken)
        : IsFinished ? Next.Closing(CloseReason.Finished)
        : new(Wanted);

    /// <inheritdoc/>
    public sealed override Next OnReady(Interest ready) => ConnectingSince == 0
        ? After(Serve(ready))
        : Context.Connections.OnConnected(this, _isSecuring ? default : Connector.Finish(Context.Options.Server, Descriptor));

    /// <inheritdoc/>
    public sealed override void OnClosed(CloseReason reason)
    {
        OnEnded();
        Close();
        Context.Connections.OnClosed(this, reason);
    }

    /// <summary>The connection has ended while the load goes on.</summary>
    protected virtual void OnEnded()
    {
    }

    /// <summary>The socket is ready.</summary>
    protected abstract bool Serve(Interest ready);

    /// <summary>Counts that the server or the kernel ended the connection.</summary>
    /// <param name="result">What recv(2) or send(2) returned.</param>
    /// <returns>False.</returns>
    protected bool Disconnected(SyscallResult result)
    {
        Context.Recorder.Errors.Disconnected++;
        if (result.Is(ECONNRESET) || result.Is(EPIPE))
            Context.Recorder.Errors.Resets++;
        return false;
    }
}
