using System.Globalization;
using Mono.Unix.Native;

namespace Multiplex.ServerTests.Harness.Agents;

/// <summary>The real nats-server, at a port that the kernel chooses and that it has again when it is started again.</summary>
internal sealed class NatsProcess : IDisposable
{
    private const string Listening = "Listening for client connections on ";

    private readonly string[] _prefix, _options;
    private readonly string _host;
    private ServerProcess _process;

    /// <param name="host">The address that it is reached at.</param>
    /// <param name="prefix">The command that runs it in another network.</param>
    /// <param name="options">Its options.</param>
    public NatsProcess(string host = "127.0.0.1", string[]? prefix = null, params string[] options)
    {
        (_host, _prefix, _options) = (host, prefix ?? [], options);
        _process = Launch("-1");
        Eventually.Holds(() => Lines.Any(IsListening), Said);
        Port = int.Parse(Lines.First(IsListening).Split(':')[^1], CultureInfo.InvariantCulture);
    }

    public int Port { get; }

    public string Url => $"nats://{_host}:{Port}";

    private IReadOnlyList<string> Lines => _process.Errors;

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
        _process = Launch($"{Port}");
        Eventually.Holds(() => Lines.Any(line => line.EndsWith("Server is ready", StringComparison.Ordinal)), Said);
    }

    public void Dispose() => _process.Dispose();

    private static bool IsListening(string line) => line.Contains(Listening, StringComparison.Ordinal);

    private ServerProcess Launch(string port)
    {
        string[] command = [.. _prefix, Tools.Require("nats-server"), "--addr", "0.0.0.0", "--port", port, .. _options];
        return ServerProcess.LaunchProgram(command[0], command[1..]);
    }

    private string Said() => $"nats-server does not listen: {string.Join('\n', Lines)}";
}
