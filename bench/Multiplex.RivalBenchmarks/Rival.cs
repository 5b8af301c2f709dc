using Multiplex.Sockets;

namespace Multiplex.RivalBenchmarks;

/// <summary>One library that carries the call: a server that echoes 64 bytes, and a client whose callers share one connection.</summary>
internal abstract class Rival
{
    /// <summary>The bytes that each call sends and receives.</summary>
    protected static readonly byte[] Payload = new byte[64];

    /// <summary>All libraries, in the order of the table.</summary>
    public static IReadOnlyList<Rival> All { get; } =
    [
        new GrpcRival(), new StreamJsonRpcRival(isPacked: false), new StreamJsonRpcRival(isPacked: true), new MultiplexRival(MultiplexCalls.Awaited),
        new MultiplexRival(MultiplexCalls.AwaitedOnTheLoop), new MultiplexRival(MultiplexCalls.Blocking),
    ];

    /// <summary>Its name in the table.</summary>
    public abstract string Name { get; }

    /// <summary>Serves on a port that the kernel chooses until the process is killed; calls <see cref="SayListening"/> when it is listening.</summary>
    public abstract Task Serve();

    /// <summary>Connects.</summary>
    /// <returns>The function that each caller runs: it calls repeatedly until its tally is over.</returns>
    public abstract Task<Func<Tally, Task>> Connect(Endpoint server);

    /// <summary>Writes where the server listens, as <c>multiplex serve</c> does.</summary>
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

    /// <summary>Calls so far; only the caller writes it.</summary>
    public long Calls { get; set; }

    /// <summary>Whether the caller must stop.</summary>
    public bool IsOver => _isOver;

    /// <summary>Makes the caller stop.</summary>
    public void End() => _isOver = true;
}
