using static Multiplex.Interop.Libc;

namespace Multiplex.Forking;

/// <summary>
/// What signals do in a child. The parent gives itself these dispositions, once, and every child inherits them, fork(2), without a system
/// call of its own. In the parent they change nothing: it has the signals blocked and reads them with signalfd(2), see <see cref="BlockedSignals"/>.
/// SIGQUIT, which it does not read, ends either.
/// </summary>
internal sealed unsafe class ChildSignals : IDisposable
{
    private readonly List<(int Signal, sigaction_t Action)> _before = [];

    /// <summary>Sets them. To be made before the first fork.</summary>
    public ChildSignals()
    {
        // A terminal sends SIGINT and SIGHUP to the whole group; the parent decides what follows, and sends another signal.
        Set(SIGINT, SIG_IGN);
        Set(SIGHUP, SIG_IGN);
        nint interruptOnly = (nint)(delegate*<int, void>)&DoNothing;
        Set(ChildProcess.StopSignal, interruptOnly);

        // SIGTERM may come to the whole group too, as systemd sends it, in the middle of a call. The first one interrupts
        // and leaves SIG_DFL behind, by which the child knows; the second one ends it.
        Set(SIGTERM, interruptOnly, unchecked((int)SA_RESETHAND));
        Set(SIGCHLD, SIG_DFL);
        Set(SIGQUIT, SIG_DFL);
    }

    /// <summary>Whether this child itself has received a SIGTERM.</summary>
    public static bool HasHadTerm() => !sigaction(SIGTERM, out nint handler).IsError && handler == SIG_DFL;

    /// <summary>Gives the parent its own dispositions back.</summary>
    public void Dispose()
    {
        foreach ((int signal, sigaction_t action) in _before)
            sigaction(signal, action, out _);
    }

    // A handler that does nothing. What counts is that it is not SA_RESTART, so that a child that waits in recv(2) gets EINTR and looks whether
    // the server is stopping. The kernel calls the compiled method, which returns at once, whatever the runtime is doing.
    private static void DoNothing(int signal)
    {
    }

    private void Set(int signal, nint handler, int flags = 0)
    {
        sigaction(signal, new() { sa_handler = handler, sa_flags = flags }, out sigaction_t before).OrThrow("sigaction", $"signal {signal}");
        _before.Add((signal, before));
    }
}
