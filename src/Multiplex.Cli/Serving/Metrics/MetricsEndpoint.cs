using System.Collections.Concurrent;
using Multiplex.Forking;
using Multiplex.Models;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Serving.Metrics;

/// <summary>
/// The endpoint of <c>serve --metrics</c>: a small separate server beside the measured one, on a thread, or in a process if the measured server forks. It uses the
/// <c>poll</c> model, so a scraper that is slow or silent does not delay the others, and no scraper delays the measured server.
/// </summary>
internal sealed class MetricsEndpoint : IDisposable
{
    private const int Backlog = 16;

    // 16 scrapers at a time; one that has not sent its request after 5 s, or reads nothing for 10 s, is disconnected.
    private static readonly ServerOptions s_limits = new()
    {
        MaxConnections = 16,
        RequestTimeout = TimeSpan.FromSeconds(5),
        IdleTimeout = TimeSpan.FromSeconds(10),
        MaxMemory = 16 << 20,
    };

    private readonly Endpoint _endpoint;
    private readonly BlockingCollection<Task>? _thread;   // the tasks of the thread; null if it is a process

    /// <summary>Prepares the endpoint.</summary>
    /// <param name="endpoint">Where it will listen.</param>
    /// <param name="forks">Whether the server forks. If not, this starts the thread, and must be called before <see cref="OwnDescriptors.Take"/>: its sockets are then in a separate table.</param>
    public MetricsEndpoint(Endpoint endpoint, bool forks)
    {
        _endpoint = endpoint;
        if (forks)
            return;
        _thread = [];
        new Thread(Work) { IsBackground = true, Name = "metrics" }.Start();
    }

    /// <summary>The sockets, once they are open.</summary>
    public ServerSockets Sockets { get; private set; } = new([]);

    /// <summary>Opens the sockets.</summary>
    /// <exception cref="IOException">A socket cannot be opened; for example, the address is in use.</exception>
    public void Open()
    {
        Task<ServerSockets> opening = new(() => ServerSockets.Open([_endpoint], Backlog, shared: false));
        if (_thread is null)
            opening.RunSynchronously();
        else
            _thread.Add(opening);
        Sockets = opening.GetAwaiter().GetResult();
    }

    /// <summary>Begins to answer.</summary>
    /// <param name="metrics">The metrics.</param>
    /// <param name="serversDescriptors">Descriptors that only the measured server uses; a separate process closes them.</param>
    public void Start(ServerMetrics metrics, int[] serversDescriptors)
    {
        void Serve() => new PollModel().Run(new(Sockets.Listeners, new MetricsProtocol(metrics.Write), s_limits, new ServerCounters(), StopSignal.ByRequest()));
        if (_thread is not null)
        {
            _thread.Add(new(Serve));
            return;
        }

        SideProcess.Start("metrics", Serve, serversDescriptors);
        foreach (BoundSocket socket in Sockets.All)
            close(socket.Descriptor);   // only the new process uses them now; the names stay
    }

    /// <summary>Removes the names of UNIX-domain sockets when the server ends.</summary>
    public void Dispose()
    {
        foreach (BoundSocket socket in Sockets.All)
            socket.RemoveName();
    }

    private void Work()
    {
        foreach (Task task in _thread!.GetConsumingEnumerable())
            task.RunSynchronously();
    }
}
