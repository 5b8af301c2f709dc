using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Transports;

/// <summary>
/// A descriptor kept in reserve. When no other is left, a listener stays readable for ever and its loop would spin; closing this
/// one for a moment lets the server accept the connection and close it, so that the client sees the end.
/// </summary>
internal sealed class SpareDescriptor : IDisposable
{
    private int _fd = Reserve();

    /// <summary>Accepts one connection and closes it.</summary>
    /// <returns>How many connections were refused: 1, or 0 when none was waiting.</returns>
    public int Refuse(Listener listener)
    {
        Dispose();
        SyscallResult result = listener.Accept(blocking: false, out _);
        if (!result.IsError)
            close((int)result.Value);
        _fd = Reserve();
        return result.IsError ? 0 : 1;
    }

    /// <summary>Closes the descriptor.</summary>
    public void Dispose()
    {
        if (_fd >= 0)
            close(_fd);
        _fd = -1;
    }

    private static int Reserve() => (int)open("/dev/null", O_RDONLY | O_CLOEXEC).Value;
}
