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
        SyscallResult result = listener.Accept(connectionBlocks: false, out _);
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

    // Not of a file, which a changed root may lack.
    private static int Reserve() => (int)eventfd(0, EFD_CLOEXEC).Value;
}
