namespace Multiplex;

/// <summary>
/// What waits, what runs, and in which process. A model moves bytes between sockets and a protocol; it never knows what
/// the bytes mean.
/// </summary>
public interface IServerModel
{
    /// <summary>
    /// Serves until <see cref="Service.Stop"/> is requested; then takes no new connection, answers the calls that have
    /// arrived whole, closes everything and returns.
    /// </summary>
    void Run(Service service);
}
