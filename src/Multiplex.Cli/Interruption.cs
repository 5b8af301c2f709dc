using System.Runtime.InteropServices;

namespace Multiplex.Cli;

/// <summary>SIGINT asks for an early end; a second one ends the process.</summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _interrupted = new();
    private readonly PosixSignalRegistration _handler;

    public Interruption() => _handler = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
    {
        context.Cancel = !_interrupted.IsCancellationRequested;
        _interrupted.Cancel();
    });

    /// <summary>Cancelled by the first SIGINT.</summary>
    public CancellationToken Token => _interrupted.Token;

    public void Dispose()
    {
        _handler.Dispose();
        _interrupted.Dispose();
    }
}
