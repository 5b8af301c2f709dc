using Multiplex.Interop;
using Multiplex.Rpc.Binding;
using Multiplex.Rpc.Observing;
using Multiplex.Sockets;

namespace Multiplex.Rpc.Client;

/// <summary>Asks a name service where a program is now, when no connection to its server can be made: it may have come back on another port.</summary>
/// <param name="program">The program.</param>
/// <param name="timeout">How long the question may take.</param>
/// <param name="events">Logs that there is no answer.</param>
/// <param name="found">Takes the server and its addresses, on a thread of the pool.</param>
internal sealed class Relocation(RemoteProgram program, TimeSpan timeout, ClientEvents events, Action<Endpoint, IReadOnlyList<byte[]>> found)
{
    private const long LeastPause = 500;   // milliseconds from one question to the next

    private readonly Lock _gate = new();
    private long _next;   // in milliseconds of Environment.TickCount64

    /// <summary>Asks, unless it was asked a moment ago, or is being asked. Returns at once.</summary>
    public void Ask()
    {
        lock (_gate)
        {
            if (Environment.TickCount64 < _next)
                return;
            _next = long.MaxValue;
        }

        _ = Task.Run(AskAsync);
    }

    private async Task AskAsync()
    {
        try
        {
            (Endpoint server, _) = await program.LocateAsync(timeout: timeout).ConfigureAwait(false);
            found(server, await AddressLookup.FindAsync(server, CancellationToken.None).ConfigureAwait(false));
        }
        catch (Exception e) when (e is IOException or SyscallException)
        {
            events.NotLocated(e.Message);
        }
        finally
        {
            lock (_gate)
                _next = Environment.TickCount64 + LeastPause;
        }
    }
}
