using Multiplex.Cli.Engines;
using Multiplex.Forking;
using Multiplex.Rpc.Binding;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Serving;

/// <summary>
/// Implements <c>serve --register</c>: the server is registered with a name service until a stop is requested. A <see cref="Registrar"/> keeps the
/// registrations meanwhile, on a separate thread; for a server that forks, in a separate process, since no other thread may run at a fork.
/// </summary>
internal sealed class Registered : IDisposable
{
    private const int TimeoutMilliseconds = 5000;

    private readonly ServerRegistrations? _registrations;   // null: they are the other process's alone
    private readonly StopSignal _stop;
    private readonly int _registrar;
    private bool _isRemoving, _isDealtWith;

    private Registered(ServerRegistrations? registrations, StopSignal stop, int registrar) =>
        (_registrations, _stop, _registrar) = (registrations, stop, registrar);

    /// <summary>Registers a protocol's programs at every socket.</summary>
    /// <param name="service">The name service; null for the one of this machine.</param>
    /// <param name="protocol">The protocol.</param>
    /// <param name="sockets">The sockets.</param>
    /// <param name="stop">A further request to stop ends the wait for a name service.</param>
    /// <param name="interval">How often to check whether the registrations still exist.</param>
    /// <param name="forks">Whether the server will fork.</param>
    /// <exception cref="UsageException">The protocol has no program, or an endpoint has no netid of its own.</exception>
    /// <exception cref="IOException">The name service refuses, or there is none.</exception>
    public static Registered Make(Endpoint? service, ProtocolEntry protocol, ServerSockets sockets, StopSignal stop, TimeSpan interval, bool forks)
    {
        RequirePrograms("--register", protocol);
        try
        {
            ServerRegistrations registrations = ServerRegistrations.Make(
                service, protocol.Programs, [.. sockets.All.SelectMany(socket => socket.Reached)]);
            return new(registrations, stop, Start(registrations, interval, forks ? [stop.Descriptor, .. sockets.All.Select(one => one.Descriptor)] : null));
        }
        catch (FormatException e)
        {
            throw new UsageException($"--register: {e.Message}");
        }
    }

    /// <summary>Registers a protocol's programs at every socket in an engine that many machines share: see <see cref="SideRegistrar"/>.</summary>
    /// <exception cref="UsageException">The protocol has no program, or no endpoint is one that others reach.</exception>
    /// <exception cref="IOException">The engine refuses, or there is none.</exception>
    public static Registered MakeInEngine(SideRegistrar registrar, ProtocolEntry protocol, ServerSockets sockets, StopSignal stop)
    {
        RequirePrograms("--register-at", protocol);
        return new(null, stop, registrar.Start(protocol.Programs, [.. sockets.All.SelectMany(socket => socket.Reached)]));
    }

    private static void RequirePrograms(string option, ProtocolEntry protocol)
    {
        if (protocol.Programs.Count > 0)
            return;
        throw new UsageException($"{option}: {protocol.Name} is no program that a name service knows; write --protocol "
            + string.Join(" or ", ProtocolCatalog.All.Where(one => one.Programs.Count > 0).Select(one => one.Name)));
    }

    // Returns the server's end of a socket pair. The registrar is a process if descriptors, which it closes, are given; else a thread.
    private static int Start(ServerRegistrations registrations, TimeSpan interval, int[]? descriptors)
    {
        try
        {
            socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out int own, out int other).OrThrow("socketpair");
            Registrar registrar = new(registrations, interval, other);
            if (descriptors is null)
            {
                new Thread(registrar.Run) { IsBackground = true, Name = "registrar" }.Start();
                return own;
            }

            SideProcess.Start("registrar", registrar.Run, [own, .. descriptors]);
            close(other);
            return own;
        }
        catch
        {
            Registrar.Remove(registrations);
            throw;
        }
    }

    /// <summary>Requests the removal of the registrations, and waits for it: for a limited time, and not if the server must end at once.</summary>
    public void Remove()
    {
        _isRemoving = true;
        send(_registrar, [1], MSG_NOSIGNAL);
        Await(TimeoutMilliseconds);
    }

    public void Dispose()
    {
        if (!_isRemoving)
            Remove();
        Await(0);   // the removal may have ended since
        if (!_isDealtWith)
            Registrar.LeftBehind($"the name service has not answered for {TimeoutMilliseconds / 1000} s, or there was no time to wait for it");
        close(_registrar);
    }

    private void Await(int milliseconds)
    {
        long until = Environment.TickCount64 + milliseconds;
        Span<pollfd> set = [new() { fd = _registrar, events = POLLIN }, new() { fd = _stop.Descriptor, events = POLLIN }];
        while (poll(set, (int)Math.Max(0, until - Environment.TickCount64)).Is(EINTR))
        {
        }

        if (_isDealtWith || set[0].revents == 0)
            return;
        _isDealtWith = true;
        if (recv(_registrar, stackalloc byte[1], 0).Value > 0)
            return;

        // The registrar was killed.
        if (_registrations is not null)
            Registrar.Remove(_registrations);
        else
            Registrar.LeftBehind("the process that kept them was killed; they end with their lease");
    }
}
