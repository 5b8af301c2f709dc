using Mono.Unix.Native;
using Multiplex.ServerTests.Harness.Kernel;

namespace Multiplex.ServerTests.Harness.Agents;

/// <summary>The real nats-server, at a port that it has again when it is started again.</summary>
internal sealed class NatsProcess : IDisposable
{
    private const int MostTries = 10;

    private readonly string[] _prefix, _options;
    private readonly string _host;
    private readonly HeldPort _port;
    private ServerProcess _process;

    /// <param name="host">The address that it is reached at.</param>
    /// <param name="prefix">The command that runs it in another network.</param>
    /// <param name="options">Its options.</param>
    public NatsProcess(string host = "127.0.0.1", string[]? prefix = null, params string[] options)
    {
        (_host, _prefix, _options) = (host, prefix ?? [], options);
        for (int tries = 1; ; tries++)
        {
            _port = HeldPort.Take();
            _process = Launch();
            Eventually.Holds(() => _process.HasExited || IsReady, Said);
            if (!_process.HasExited)
                return;
            if (tries == MostTries)
                throw new IOException(Said());
            Dispose();
        }
    }

    public int Port => _port.Number;

    public string Url => $"nats://{_host}:{Port}";

    /// <summary>Kills it.</summary>
    public void Kill()
    {
        _process.SignalAll(Signum.SIGKILL);
        _process.WaitForExit();
    }

    /// <summary>Starts it again, at its port.</summary>
    public void StartAgain()
    {
        _process.Dispose();
        _process = Launch();
        Eventually.Holds(() => IsReady, Said);
    }

    public void Dispose()
    {
        _process.Dispose();
        _port.Dispose();
    }

    private bool IsReady => _process.Errors.Any(line => line.EndsWith("Server is ready", StringComparison.Ordinal));

    private ServerProcess Launch()
    {
        string[] command = [.. _prefix, Tools.Require("nats-server"), "--addr", "0.0.0.0", "--port", $"{Port}", .. _options];
        return ServerProcess.LaunchProgram(command[0], command[1..]);
    }

    private string Said() => $"nats-server does not listen: {string.Join('\n', _process.Errors)}";
}
