using System.Globalization;
using Multiplex.Cli.Options;
using Multiplex.Cli.Output;
using Multiplex.Models;
using Multiplex.Sockets;
using Multiplex.Sockets.Datagrams;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Serving;

/// <summary>The sockets that a server is asked to have, in the order in which they were asked for.</summary>
internal sealed record ServerSockets(IReadOnlyList<BoundSocket> All)
{
    public IReadOnlyList<Listener> Listeners { get; } = [.. All.OfType<Listener>()];

    public IReadOnlyList<DatagramSocket> Datagrams { get; } = [.. All.OfType<DatagramSocket>()];

    /// <summary>The ports of those that are UDP's.</summary>
    public IReadOnlyList<int> UdpPorts =>
        [.. from socket in Datagrams where socket.Kind == EndpointKind.Udp select int.Parse(socket.Local.Port, CultureInfo.InvariantCulture)];

    /// <summary>Opens all of them, or none. Addresses of a name that are not served are reported on standard error.</summary>
    public static ServerSockets Open(IReadOnlyList<Endpoint> endpoints, int backlog, bool shared, TimeSpan? keepAlive = null) => new(BoundSockets.Open(
        endpoints, backlog, shared, keepAlive, (endpoint, why) => StandardStream.Error.WriteLine($"multiplex: {endpoint} is served in part: {why.Message}")));

    /// <summary>An endpoint that a model serves.</summary>
    public static Endpoint Served(string text, ServerModelEntry model)
    {
        Endpoint endpoint = Values.Endpoint("--listen", text);
        return model.Kinds.Contains(endpoint.Kind)
            ? endpoint
            : throw new UsageException($"--listen {text}: {model.Name} does not serve {endpoint.Kind.Prefix()} endpoints; "
                + string.Join(", ", ServerModelCatalog.All.Where(one => one.Kinds.Contains(endpoint.Kind)).Select(one => one.Name)) + " do");
    }

    /// <summary>
    /// How many connections there can be, at most as many as wanted; 0 wants as many as there are descriptors for. Where each connection
    /// has a process, it has the descriptors of that process.
    /// </summary>
    /// <param name="wanted">How many are wanted.</param>
    /// <param name="inOneProcess">Whether all are in one process.</param>
    /// <param name="files">How many descriptors of files a process may hold beside them.</param>
    /// <exception cref="IOException">There are descriptors for hardly any: ulimit -n.</exception>
    public static int ConnectionLimit(int wanted, bool inOneProcess, int files = 0)
    {
        // Some descriptors are left to the runtime, the listeners, the counters and whatever else a model waits for.
        int reserve = 64 + files;
        const int Least = 16;
        getrlimit(RLIMIT_NOFILE, out rlimit limit).OrThrow("getrlimit");
        if (limit.rlim_cur < (ulong)(reserve + Least))
            throw new IOException($"this process may open no more than {limit.rlim_cur} descriptors: a server needs {reserve + Least}, so raise its limit (ulimit -n)");
        int possible = inOneProcess ? (int)Math.Min(limit.rlim_cur, int.MaxValue) - reserve : int.MaxValue;
        return wanted == 0 ? possible : Math.Min(wanted, possible);
    }

    /// <summary>Says on standard output where the server listens, a line for each socket.</summary>
    public void Announce(string model, string protocol)
    {
        foreach (BoundSocket socket in All)
            StandardStream.Output.WriteLine($"listening {socket.Local} model={model} protocol={protocol} pid={Environment.ProcessId}");
    }
}
