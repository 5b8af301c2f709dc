using Multiplex.Uring;

namespace Multiplex.Models;

/// <summary>
/// One thread on an io_uring(7), or several with a ring each: it does not ask what is ready. The kernel accepts, receives and sends as requested, and
/// one system call a turn submits a whole batch and waits for the next.
/// </summary>
public sealed class UringModel : IServerModel
{
    private readonly UringBuffers _buffers;

    /// <summary>Makes the model.</summary>
    public UringModel()
        : this(UringBuffers.Usual)
    {
    }

    internal UringModel(UringBuffers buffers) => _buffers = buffers;

    /// <inheritdoc/>
    /// <exception cref="Interop.SyscallException">The kernel refuses io_uring.</exception>
    public void Run(Service service)
    {
        if (Loops(service.Options) == 1)
        {
            RunOne(service);
            return;
        }

        Open(service, UringLoop.Probe);
        SeveralLoops.Run(service, Loops(service.Options), RunOne);
    }

    internal static int Loops(ServerOptions options) => Math.Max(1, options.Reactors);

    private void RunOne(Service service)
    {
        UringLoop? loop = null;
        Open(service, () => loop = new(service, _buffers));
        using (loop)
            loop!.Run();
    }

    private static void Open(Service service, Action open)
    {
        try
        {
            open();
        }
        catch
        {
            service.CloseSockets();
            throw;
        }
    }
}
