namespace Multiplex;

/// <summary>
/// What waits, what runs, and in which process. A model moves bytes between sockets and a protocol; it never knows what
/// the bytes mean.
/// </summary>
/// <remarks>
/// The models are in <c>Models/</c>, a file each. How they drain at a stop: with a loop, <see cref="Transports.LoopServer"/>, or of io_uring <see cref="Uring.UringLoop"/>;
/// with threads that wait in system calls,
/// <see cref="Models.ThreadDrain"/>; with processes, <see cref="Forking.ChildDrain"/>.
/// </remarks>
public interface IServerModel
{
    /// <summary>
    /// Serves until <see cref="Service.Stop"/> is requested; then takes no new connection, answers the calls that have
    /// arrived whole, closes everything and returns.
    /// </summary>
    /// <exception cref="IOException">The system refuses a thread or a descriptor that the model needs. The caller closes the service's sockets.</exception>
    void Run(Service service);
}
