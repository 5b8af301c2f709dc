using Multiplex.Servers.Uring;
using Multiplex.Sockets;

namespace Multiplex.Servers;

/// <summary>
/// One thread on an io_uring(7): nothing is asked whether it is ready. The kernel accepts, receives and sends as it was
/// told, and one system call a turn submits a whole batch and waits for the next.
/// </summary>
public sealed class UringModel : IServerModel
{
    /// <inheritdoc/>
    /// <exception cref="Interop.SyscallException">The kernel refuses io_uring.</exception>
    public void Run(Service service)
    {
        using UringLoop loop = Open(service);
        loop.Run();
    }

    private static UringLoop Open(Service service)
    {
        try
        {
            return new(service);
        }
        catch
        {
            foreach (Listener listener in service.Listeners)
                listener.Dispose();
            throw;
        }
    }
}
