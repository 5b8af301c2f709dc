using Multiplex.Sockets;

namespace Multiplex.RivalBenchmarks;

/// <summary>One library that carries the call: a server that echoes 64 bytes, and a client whose callers share one connection.</summary>
internal abstract class Rival
{
    /// <summary>What each call sends and gets back.</summary>
    protected static readonly byte[] Payload = new byte[64];

    /// <summary>All of them, in the order of the table.</summary>
    public static IReadOnlyList<Rival> All { get; } =
    [
        new GrpcRival(), new StreamJsonRpcRival(isPacked: false), new StreamJsonRpcRival(isPacked: true), new MultiplexRival(MultiplexCalls.Awaited),
        new MultiplexRival(MultiplexCalls.AwaitedOnTheLoop), new MultiplexRival(MultiplexCalls.Blocking),
    ];

    /// <summary>Its name in the table.</summary>
    public abstract string Name { get; }

    /// <summary>Serves on a port of the kernel's choice until the process is ended; calls <see cref="SayListening"/> once it does.</summary>
    public abstract Task Serve();

    /// <summary>Connects.</summary>
    /// <returns>What each caller runs: it calls again and again until its tally says that it is over.</returns>
    public abstract Task<Func<Tally, Task>> Connect(Endpoint server);

    /// <summary>Says where the server listens, as <c>multiplex serve</c> does.</summary>
    protected static void SayListening(string authority) => Console.WriteLine($"listening tcp://{authority}");

    /// <summary>Fails the run unless the whole payload came back.</summary>
    protected static void Check(int length)
    {
        if (length != Payload.Length)
            throw new InvalidOperationException($"{length} bytes came back, not {Payload.Length}");
    }
}

/// <summary>How many calls one caller has made.</summary>
internal sealed class Tally
{
    private volatile bool _isOver;

    /// <summary>Calls so far; written by the caller alone.</summary>
    public long Calls { get; set; }

    /// <summary>Whether the caller is to make no more.</summary>
    public bool IsOver => _isOver;

    /// <summary>Has the caller make no more.</summary>
    public void End() => _isOver = true;
}
