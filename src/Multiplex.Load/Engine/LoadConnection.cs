using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Engine;

/// <summary>What is to become of a connection.</summary>
internal enum ConnectionState
{
    /// <summary>It goes on.</summary>
    Open,

    /// <summary>It has had its share of calls: to be made anew at once.</summary>
    Spent,

    /// <summary>It is of no more use, and why has been counted: to be made anew at the next tick.</summary>
    Broken,
}

/// <summary>One connection of the load generator, or one datagram socket.</summary>
internal abstract class LoadConnection(LoadContext context)
{
    /// <summary>The socket, or -1 while there is none.</summary>
    public int Descriptor { get; private set; } = -1;

    /// <summary>Since when it has been about to connect; 0 once it is connected.</summary>
    public long ConnectingSince { get; set; }

    /// <summary>What the multiplexer watches for.</summary>
    public Interest Watched { get; set; }

    /// <summary>What it should watch for.</summary>
    public abstract Interest Wanted { get; }

    /// <summary>What all connections of the thread share.</summary>
    public LoadContext Context { get; } = context;

    /// <summary>There is a socket; it may still be connecting.</summary>
    public virtual void Open(int descriptor)
    {
        Descriptor = descriptor;
        Context.Prepare(descriptor);
    }

    /// <summary>Closes the socket, with a reset: so no port is left in TIME_WAIT.</summary>
    public virtual void Close()
    {
        setsockopt(Descriptor, SOL_SOCKET, SO_LINGER, new linger { l_onoff = 1 });
        close(Descriptor);
        Descriptor = -1;
    }

    /// <summary>It is connected, and the load has begun.</summary>
    public abstract ConnectionState Start(long now);

    /// <summary>The socket is ready.</summary>
    public abstract ConnectionState Serve(Interest ready);

    /// <summary>Some time has passed.</summary>
    public abstract ConnectionState Tick(long now);

    /// <summary>The server ended the connection, or the kernel did.</summary>
    /// <param name="result">What recv(2) or send(2) returned.</param>
    protected ConnectionState Disconnected(Interop.SyscallResult result)
    {
        Context.Recorder.Errors.Disconnected++;
        if (result.Is(ECONNRESET) || result.Is(EPIPE))
            Context.Recorder.Errors.Resets++;
        return ConnectionState.Broken;
    }
}
