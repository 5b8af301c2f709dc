using Multiplex.Cli.Output;
using Multiplex.Cli.Serving.Logs;
using Multiplex.Rpc.Binding;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Serving;

/// <summary>
/// Keeps a server's registrations with a name service while it serves, and removes them when it stops. It checks regularly whether they
/// still exist, since a restarted name service has lost them and does not report that. Each check is one call on a separate
/// connection, so the registrar never blocks the name service.
/// </summary>
/// <param name="registrations">The registrations.</param>
/// <param name="interval">How often to look.</param>
/// <param name="server">
/// A socket to the server. The server sends a byte when it stops, and receives a byte when the registrations are dealt with. If the server ends
/// without sending a byte, it was killed: the registrations then stay, as they would if the registrar had been killed too.
/// </param>
internal sealed class Registrar(ServerRegistrations registrations, TimeSpan interval, int server)
{
    private string? _trouble;

    /// <summary>Blocks until the server stops.</summary>
    public void Run()
    {
        while (!ServerStops())
            Restore();
        if (recv(server, stackalloc byte[1], 0).Value > 0)
        {
            Remove(registrations);
            send(server, [1], MSG_NOSIGNAL);
        }

        close(server);
    }

    /// <summary>Removes the registrations; reports a failure.</summary>
    public static void Remove(ServerRegistrations registrations)
    {
        try
        {
            registrations.Remove();
        }
        catch (IOException e)
        {
            LeftBehind(e.Message);
        }
    }

    /// <summary>Reports that the registrations were not removed.</summary>
    public static void LeftBehind(string why) => Log.Warning("registrations_left_behind", $"the registrations are left behind: {Printable.Of(why)}");

    // An interrupted wait only causes one more check.
    private bool ServerStops()
    {
        Span<pollfd> set = [new() { fd = server, events = POLLIN }];
        return poll(set, (int)Math.Ceiling(interval.TotalMilliseconds)).Value > 0;
    }

    private void Restore()
    {
        try
        {
            if (registrations.Restore() is > 0 and int missing)
                Log.Warning("registrations_renewed", $"the name service had forgotten {missing} registrations: made again");
            _trouble = null;
        }
        catch (IOException e) when (e.Message == _trouble)
        {
            // Already reported.
        }
        catch (IOException e)
        {
            _trouble = e.Message;
            Log.Warning("registrations_not_kept", $"the registrations cannot be kept for now: {Printable.Of(e.Message)}");
        }
    }
}
