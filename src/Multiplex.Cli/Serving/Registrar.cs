using Multiplex.Cli.Output;
using Multiplex.Rpc.Binding;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Serving;

/// <summary>
/// Keeps a server's registrations with a name service while it serves, and removes them when it stops. It looks again and again whether they are
/// still there, since a name service that was restarted has no registrations and does not say so; the list is one call by a connection of its
/// own, so the name service is held up by nothing.
/// </summary>
/// <param name="registrations">The registrations.</param>
/// <param name="interval">How often to look.</param>
/// <param name="server">
/// A socket to the server, which sends a byte when it stops; it receives a byte when the registrations are dealt with. If the server ends
/// without one, it was killed: then the registrations stay, as they do when no process is left to remove them.
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

    /// <summary>Removes the registrations; says so if that cannot be.</summary>
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

    /// <summary>Says that the registrations are still there.</summary>
    public static void LeftBehind(string why) => StandardStream.Error.WriteLine($"multiplex: the registrations are left behind: {Printable.Of(why)}");

    // An interrupted wait is one more look.
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
                StandardStream.Error.WriteLine($"multiplex: the name service had forgotten {missing} registrations: made again");
            _trouble = null;
        }
        catch (IOException e) when (e.Message == _trouble)
        {
            // It was said.
        }
        catch (IOException e)
        {
            _trouble = e.Message;
            StandardStream.Error.WriteLine($"multiplex: the registrations cannot be kept for now: {Printable.Of(e.Message)}");
        }
    }
}
