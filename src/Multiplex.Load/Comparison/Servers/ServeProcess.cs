using Multiplex.Load.Comparison.Usage;
using Multiplex.Sockets;

namespace Multiplex.Load.Comparison.Servers;

/// <summary>A server model under comparison: the real command.</summary>
public sealed class ServeProcess : ServerUnderTest
{
    private readonly DirectoryInfo _directory;
    private readonly ServerCounters _counters;

    private ServeProcess(ServerProgram program, DirectoryInfo directory, ServerCounters counters, Endpoint endpoint)
        : base(program)
    {
        _directory = directory;
        _counters = counters;
        Endpoint = endpoint;
    }

    /// <inheritdoc/>
    public override Endpoint Endpoint { get; }

    /// <inheritdoc/>
    public override ProcessUsage? Usage => ProcessUsage.Of(Id, _counters);

    /// <summary>Starts the command and waits until it listens.</summary>
    /// <param name="command">The program, and the arguments that come before the verb.</param>
    /// <param name="model">The server model.</param>
    /// <param name="protocol">The protocol.</param>
    /// <exception cref="IOException">It ended, or said nothing in time; the message has what it said.</exception>
    public static ServeProcess Start(IReadOnlyList<string> command, string model, string protocol)
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("multiplex-");
        string countersFile = Path.Combine(directory.FullName, "counters");
        ServerProgram program = ServerProgram.Start(
            command[0],
            [.. command.Skip(1), "serve", "--model", model, "--protocol", protocol, "--listen", "tcp://127.0.0.1:0", "--counters", countersFile]);
        Task<string?> line = program.Process.StandardOutput.ReadLineAsync();
        if (line.Wait(ServerProgram.Timeout) && line.Result?.Split(' ') is ["listening", string endpoint, ..])
            return new(program, directory, ServerCounters.OpenReadOnly(countersFile), Endpoint.Parse(endpoint));
        directory.Delete(recursive: true);
        if (line.IsCompleted)
            program.Process.WaitForExit(ServerProgram.Timeout);
        throw program.Failed($"serve --model {model}");
    }

    /// <inheritdoc/>
    public override void Stop()
    {
        if (Terminate() is not (0, _) and (_, string end))
            throw new IOException($"the server {end}");
    }

    private protected override void Release()
    {
        _counters.Dispose();
        _directory.Delete(recursive: true);
    }
}
