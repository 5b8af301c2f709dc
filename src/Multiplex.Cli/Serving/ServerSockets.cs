using System.Globalization;
using Multiplex.Cli.Options;
using Multiplex.Cli.Output;
using Multiplex.Interop;
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

    // So often a port is looked for that is free at every address of a name.
    private const int MostAttempts = 16;

    /// <summary>
    /// Opens all of them, or none: one for each address of an endpoint's name. An IPv6 socket on every interface takes IPv4 too, unless that
    /// port is asked for as well.
    /// </summary>
    public static ServerSockets Open(IReadOnlyList<Endpoint> endpoints, int backlog, bool shared, TimeSpan? keepAlive = null)
    {
        List<BoundSocket> sockets = [];
        try
        {
            foreach (Endpoint endpoint in endpoints)
            {
                bool onlyIPv6 = endpoint.Host == "::" && endpoints.Any(
                    one => one.Kind == endpoint.Kind && one.Port == endpoint.Port && one.Host is "*" or "0.0.0.0");
                sockets.AddRange(OpenAll(endpoint, address => endpoint.Kind.IsDatagram()
                    ? DatagramSocket.Open(address, shared, onlyIPv6)
                    : Listener.Open(address, backlog, shared, onlyIPv6, keepAlive)));
            }

            return new(sockets);
        }
        catch
        {
            sockets.ForEach(socket => socket.Dispose());
            throw;
        }
    }

    // All at one port, the kernel's choice or not, as clients know the name and one port. An address that this machine lacks may be another's of
    // the same name.
    private static List<BoundSocket> OpenAll(Endpoint endpoint, Func<Endpoint, BoundSocket> open)
    {
        Endpoint[] addresses = endpoint.Kind.IsInternet()
            ? [.. AddressLookup.Find(endpoint, passive: true).Select(address => Endpoint.Parse(AddressText.Format(endpoint.Kind, address))).Distinct()]
            : [endpoint];
        if (addresses.Length == 1)
            return [open(endpoint)];
        for (int attempt = 1; ; attempt++)
        {
            List<BoundSocket> opened = [];
            try
            {
                OpenEach(endpoint, addresses, open, opened);
                return opened;
            }
            catch (SyscallException e)
            {
                bool tries = e.Errno == EADDRINUSE && endpoint.Port == "0" && opened.Count > 0 && attempt < MostAttempts;
                opened.ForEach(socket => socket.Dispose());
                if (!tries)
                    throw;
            }
        }
    }

    private static void OpenEach(Endpoint endpoint, Endpoint[] addresses, Func<Endpoint, BoundSocket> open, List<BoundSocket> opened)
    {
        SyscallException? absent = null;
        foreach (Endpoint address in addresses)
        {
            try
            {
                opened.Add(open(opened.Count > 0 ? address with { Port = opened[0].Local.Port } : address));
            }
            catch (SyscallException e) when (e.Errno is EADDRNOTAVAIL or EAFNOSUPPORT)
            {
                absent ??= e;
            }
        }

        if (opened.Count == 0)
            throw absent!;
        if (absent is not null)
            StandardStream.Error.WriteLine($"multiplex: {endpoint} is served in part: {absent.Message}");
    }

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
    /// <exception cref="IOException">There are descriptors for hardly any: ulimit -n.</exception>
    public static int ConnectionLimit(int wanted, bool inOneProcess)
    {
        // Some descriptors are left to the runtime, the listeners, the counters and whatever else a model waits for.
        const int Reserve = 64;
        const int Least = 16;
        getrlimit(RLIMIT_NOFILE, out rlimit limit).OrThrow("getrlimit");
        if (limit.rlim_cur < Reserve + Least)
            throw new IOException($"this process may open no more than {limit.rlim_cur} descriptors: a server needs {Reserve + Least}, so raise its limit (ulimit -n)");
        int possible = inOneProcess ? (int)Math.Min(limit.rlim_cur, int.MaxValue) - Reserve : int.MaxValue;
        return wanted == 0 ? possible : Math.Min(wanted, possible);
    }

    /// <summary>Says on standard output where the server listens, a line for each socket.</summary>
    public void Announce(string model, string protocol)
    {
        foreach (BoundSocket socket in All)
            StandardStream.Output.WriteLine($"listening {socket.Local} model={model} protocol={protocol} pid={Environment.ProcessId}");
    }
}
