using Multiplex.Rpc.Binding;
using Multiplex.Sockets;

namespace Multiplex.Cli;

/// <summary>
/// What <c>serve --register</c> does: the name service knows the server for as long as this lives. In a server that forks it is
/// the parent's business alone, for a child leaves by _exit(2).
/// </summary>
internal sealed class Registered : IDisposable
{
    private readonly ServerRegistrations _registrations;

    private Registered(ServerRegistrations registrations) => _registrations = registrations;

    /// <summary>Registers a protocol's programs at every socket.</summary>
    /// <param name="service">Which name service; null is that of this machine.</param>
    /// <param name="protocol">The protocol.</param>
    /// <param name="sockets">The sockets.</param>
    /// <exception cref="UsageException">The protocol has no program, or an endpoint no netid of its own.</exception>
    /// <exception cref="IOException">The name service refuses, or there is none.</exception>
    public static Registered Make(Endpoint? service, ProtocolEntry protocol, ServerSockets sockets)
    {
        if (protocol.Programs.Count == 0)
        {
            throw new UsageException($"--register: {protocol.Name} is no program that a name service knows; write --protocol "
                + string.Join(" or ", ProtocolCatalog.All.Where(one => one.Programs.Count > 0).Select(one => one.Name)));
        }

        try
        {
            return new(ServerRegistrations.Make(service, protocol.Programs, [.. sockets.All.SelectMany(socket => socket.Reached)]));
        }
        catch (FormatException e)
        {
            throw new UsageException($"--register: {e.Message}");
        }
    }

    public void Dispose()
    {
        try
        {
            _registrations.Remove();
        }
        catch (IOException e)
        {
            StandardStream.Error.WriteLine($"multiplex: the registrations are left behind: {e.Message}");
        }
    }
}
