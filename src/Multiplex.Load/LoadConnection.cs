using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load;

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

/// <summary>One connection of the load generator, or one datagram socket: keeps its requests under way, and checks the replies.</summary>
internal abstract class LoadConnection(LoadContext context)
{
    /// <summary>The socket, or -1 while there is none.</summary>
    public int Descriptor { get; private set; } = -1;

    /// <summary>What the multiplexer watches for.</summary>
    public Interest Watched { get; set; }

    /// <summary>What it should watch for.</summary>
    public Interest Wanted => HasUnsent ? Interest.Readable | Interest.Writable : Interest.Readable;

    /// <summary>What all connections of the thread share.</summary>
    protected LoadContext Context { get; } = context;

    /// <summary>The requests under way.</summary>
    protected RequestWindow Window { get; } = new(context.Options.Depth);

    /// <summary>Replies since the connection was made.</summary>
    protected int Answered { get; set; }

    /// <summary>Whether something waits to be sent.</summary>
    protected abstract bool HasUnsent { get; }

    /// <summary>What an endpoint of this kind takes.</summary>
    public static LoadConnection Of(LoadContext context) => context.Options.Server.Kind switch
    {
        EndpointKind.Tcp or EndpointKind.Unix => new StreamConnection(context),
        EndpointKind.UnixPacket => new PacketConnection(context),
        _ => new DatagramConnection(context),
    };

    /// <summary>A socket has been connected.</summary>
    public virtual void Open(int descriptor)
    {
        Descriptor = descriptor;
        Watched = Interest.Readable;
        Answered = 0;
        Window.Clear();
    }

    /// <summary>Closes the socket, with a reset: so no port is left in TIME_WAIT.</summary>
    public void Close()
    {
        setsockopt(Descriptor, SOL_SOCKET, SO_LINGER, new linger { l_onoff = 1 });
        close(Descriptor);
        Descriptor = -1;
    }

    /// <summary>Sends the first requests, as many as are to be under way.</summary>
    public abstract ConnectionState Start();

    /// <summary>The socket is ready.</summary>
    public abstract ConnectionState Serve(Interest ready);

    /// <summary>Some time has passed.</summary>
    public abstract ConnectionState Tick(long now);

    /// <summary>The server ended the connection, or the kernel did.</summary>
    protected ConnectionState Disconnected()
    {
        Context.Tally.Errors.Disconnected++;
        return ConnectionState.Broken;
    }

    /// <summary>Open or spent.</summary>
    protected ConnectionState StateByCalls() =>
        Context.Options.CallsPerConnection > 0 && Answered >= Context.Options.CallsPerConnection
            ? ConnectionState.Spent
            : ConnectionState.Open;

    /// <summary>Gives the connection up when a reply has taken too long.</summary>
    protected ConnectionState StateByAge(long now)
    {
        if (!Window.HasOlder(now - LoadContext.Ticks(Context.Options.Timeout)))
            return ConnectionState.Open;
        Context.Tally.Errors.Timeouts++;
        return ConnectionState.Broken;
    }
}
