using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Support;

/// <summary>Two sockets that are connected to each other: what one writes, the other reads.</summary>
internal sealed class SocketPair : IDisposable
{
    private readonly int[] _ends;

    public SocketPair(int type = SOCK_STREAM | SOCK_CLOEXEC)
    {
        socketpair(AF_UNIX, type, 0, out int here, out int there).OrThrow("socketpair");
        _ends = [here, there];
    }

    public int Here => _ends[0];

    public int There => _ends[1];

    public void CloseHere() => Close(0);

    public void CloseThere() => Close(1);

    public void Dispose()
    {
        Close(0);
        Close(1);
    }

    private void Close(int end)
    {
        if (_ends[end] < 0)
            return;
        close(_ends[end]).OrThrow("close");
        _ends[end] = -1;
    }
}
