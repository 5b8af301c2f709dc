using System.Globalization;
using Multiplex.Cli.Output;
using Multiplex.Cli.Serving.Logs;
using Multiplex.Sockets;
using Multiplex.Sockets.Datagrams;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Serving;

/// <summary>The sockets of a server, in the order of its <c>--listen</c> options.</summary>
internal sealed record ServerSockets(IReadOnlyList<BoundSocket> All)
{
    public IReadOnlyList<Listener> Listeners { get; } = [.. All.OfType<Listener>()];

    public IReadOnlyList<DatagramSocket> Datagrams { get; } = [.. All.OfType<DatagramSocket>()];

    /// <summary>The ports of the UDP sockets.</summary>
    public IReadOnlyList<int> UdpPorts =>
        [.. from socket in Datagrams where socket.Kind == EndpointKind.Udp select int.Parse(socket.Local.Port, CultureInfo.InvariantCulture)];

    /// <summary>Opens all sockets that no other process passed, or none. Addresses of a name that cannot be served are reported on standard error.</summary>
    /// <param name="targets">The values of <c>--listen</c>.</param>
    /// <param name="adopted">The sockets that other processes passed.</param>
    /// <param name="backlog">How many connections may wait to be accepted.</param>
    /// <param name="loops">How many loops of the model have sockets of their own at each address.</param>
    /// <param name="keepAlive">For TCP: the idle time after which the kernel probes a connection.</param>
    public static ServerSockets Open(IReadOnlyList<ListenTarget> targets, IReadOnlyList<BoundSocket> adopted, int backlog, int loops, TimeSpan keepAlive)
    {
        Endpoint[] endpoints = [.. targets.Where(target => !adopted.Any(socket => socket.Asked == target.Text)).Select(target => target.Endpoint).OfType<Endpoint>()];
        IReadOnlyList<BoundSocket> opened = Open(endpoints, backlog, shared: loops > 1, keepAlive).All;
        try
        {
            foreach (BoundSocket socket in opened)
                socket.OpenSiblings(loops - 1);
        }
        catch
        {
            foreach (BoundSocket socket in opened.SelectMany(one => one.Siblings).Concat(opened))   // to remove a name takes a descriptor
                socket.Dispose();
            throw;
        }

        return new([.. targets.Select(target => target.Text).Distinct().SelectMany(text => adopted.Concat(opened).Where(socket => socket.Asked == text))]);
    }

    /// <summary>Opens all sockets, or none. Addresses of a name that cannot be served are reported on standard error.</summary>
    public static ServerSockets Open(IReadOnlyList<Endpoint> endpoints, int backlog, bool shared, TimeSpan? keepAlive = null) => new(BoundSockets.Open(
        endpoints, backlog, shared, keepAlive, (endpoint, why) => Log.Warning("served_in_part", $"{endpoint} is served in part: {why.Message}")));

    /// <summary>
    /// The limit on connections: the wanted number, or fewer if there are not enough descriptors; 0 means as many as possible. If each connection
    /// has its own process, it uses the descriptors of that process, and there is no such limit.
    /// </summary>
    /// <param name="wanted">How many are wanted.</param>
    /// <param name="inOneProcess">Whether all are in one process.</param>
    /// <param name="files">How many descriptors of files a process may have open beside the connections.</param>
    /// <exception cref="IOException">The limit on descriptors is too low for a server: ulimit -n.</exception>
    public static int ConnectionLimit(int wanted, bool inOneProcess, int files = 0)
    {
        // Some descriptors are reserved for the runtime, the listeners, the counters and whatever else a model waits for.
        int reserve = 64 + files;
        const int Least = 16;
        getrlimit(RLIMIT_NOFILE, out rlimit limit).OrThrow("getrlimit");
        if (limit.rlim_cur < (ulong)(reserve + Least))
            throw new IOException($"this process may open no more than {limit.rlim_cur} descriptors: a server needs {reserve + Least}, so raise its limit (ulimit -n)");
        int possible = inOneProcess ? (int)Math.Min(limit.rlim_cur, int.MaxValue) - reserve : int.MaxValue;
        return wanted == 0 ? possible : Math.Min(wanted, possible);
    }

    /// <summary>Runs a model on them. Where that fails they are closed, and the names of UNIX-domain sockets are removed.</summary>
    public void Serve(Action run)
    {
        try
        {
            run();
        }
        catch
        {
            foreach (BoundSocket socket in All)
                socket.Dispose();
            throw;
        }
    }

    /// <summary>Writes to standard output where the server listens, one line for each address.</summary>
    public void Announce(string model, string protocol)
    {
        foreach (Endpoint local in All.Select(socket => socket.Local).Distinct())
            StandardStream.Output.WriteLine($"listening {local} model={model} protocol={protocol} pid={Environment.ProcessId}");
    }
}
