using System.Runtime.InteropServices;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli;

/// <summary>SIGTERM and SIGINT, for models that do not fork: the first asks for a stop, the second ends the process.</summary>
internal sealed class StopBySignals : IDisposable
{
    private readonly StopSignal.Requestable _stop;
    private readonly PosixSignalRegistration[] _registrations;
    private int _received;

    public StopBySignals(StopSignal.Requestable stop)
    {
        _stop = stop;
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle),
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle),
        ];
    }

    public void Dispose() => Array.ForEach(_registrations, registration => registration.Dispose());

    private void Handle(PosixSignalContext context)
    {
        context.Cancel = true;
        if (Interlocked.Increment(ref _received) > 1)
            _exit(ExitStatus.Failed);
        _stop.Request();
    }
}
