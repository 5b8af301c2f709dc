using Multiplex.Interop;
using Multiplex.Sockets.Datagrams;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets;

/// <summary>Opens the sockets of a server.</summary>
public static class BoundSockets
{
    private const int MostAttempts = 16;   // so often a port is looked for that is free at every address of a name

    /// <summary>
    /// Opens a socket for each address of each endpoint's name, in that order, or none at all. An IPv6 socket on every interface takes IPv4 too, unless that
    /// port is asked for as well.
    /// </summary>
    /// <param name="endpoints">Where to listen, or to receive datagrams.</param>
    /// <param name="backlog">How many connections may wait to be accepted.</param>
    /// <param name="shared">Whether <see cref="Listener.Sibling"/> will be called.</param>
    /// <param name="keepAlive">Of TCP: after how much silence a connection is probed; null is the usual, zero is never.</param>
    /// <param name="servedInPart">Called with an endpoint one of whose addresses this machine lacks; null: not called.</param>
    /// <returns>A <see cref="Listener"/> or a <see cref="DatagramSocket"/> each.</returns>
    /// <exception cref="SyscallException">Such as EADDRINUSE, or EACCES for a port below 1024 without the privilege.</exception>
    /// <exception cref="IOException">A host is not known.</exception>
    public static IReadOnlyList<BoundSocket> Open(
        IReadOnlyList<Endpoint> endpoints, int backlog, bool shared, TimeSpan? keepAlive = null, Action<Endpoint, Exception>? servedInPart = null)
    {
        List<BoundSocket> sockets = [];
        try
        {
            foreach (Endpoint endpoint in endpoints)
            {
                bool onlyIPv6 = endpoint.Host == "::" && endpoints.Any(
                    one => one.Kind == endpoint.Kind && one.Port == endpoint.Port && one.Host is "*" or "0.0.0.0");
                sockets.AddRange(OpenAll(endpoint, servedInPart, address => endpoint.Kind.IsDatagram()
                    ? DatagramSocket.Open(address, shared, onlyIPv6)
                    : Listener.Open(address, backlog, shared, onlyIPv6, keepAlive)));
            }

            return sockets;
        }
        catch
        {
            sockets.ForEach(socket => socket.Dispose());
            throw;
        }
    }

    // All at one port, the kernel's choice or not, as clients know the name and one port. An address that this machine lacks may be another's of
    // the same name.
    private static List<BoundSocket> OpenAll(Endpoint endpoint, Action<Endpoint, Exception>? servedInPart, Func<Endpoint, BoundSocket> open)
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
                if (OpenEach(addresses, open, opened) is { } absent)
                    servedInPart?.Invoke(endpoint, absent);
                opened.ForEach(socket => socket.Asked = endpoint.ToString());
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

    // Returns what was wrong with an address that this machine lacks; null when it has all.
    private static SyscallException? OpenEach(Endpoint[] addresses, Func<Endpoint, BoundSocket> open, List<BoundSocket> opened)
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

        return opened.Count > 0 ? absent : throw absent!;
    }
}
