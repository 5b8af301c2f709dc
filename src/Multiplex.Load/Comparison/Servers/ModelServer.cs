using Multiplex.Load.Comparison.Usage;
using Multiplex.Load.Processes;
using Multiplex.Sockets;

namespace Multiplex.Load.Comparison.Servers;

/// <summary>A server model under comparison: the real command.</summary>
public sealed class ModelServer : ServerUnderTest
{
    private readonly DirectoryInfo _directory;
    private readonly ServerCounters _counters;

    private ModelServer(ServerProcess process, DirectoryInfo directory, string countersFile)
        : base(process) => (_directory, _counters) = (directory, ServerCounters.OpenReadOnly(countersFile));

    /// <inheritdoc/>
    public override Endpoint Endpoint => Process.Endpoint;

    /// <inheritdoc/>
    public override ProcessUsage? Usage => ProcessUsage.Of(Id, _counters);

    /// <summary>Starts the command and waits until it listens.</summary>
    /// <param name="command">The program, and the arguments that come before the verb.</param>
    /// <param name="model">The server model.</param>
    /// <param name="protocol">The protocol.</param>
    /// <param name="servesFiles">Whether it is NFS: then a new directory is exported.</param>
    /// <param name="options">Further options of <c>serve</c>.</param>
    /// <exception cref="IOException">It ended, or did not listen in time; the message has what it wrote.</exception>
    public static ModelServer Start(IReadOnlyList<string> command, string model, string protocol, bool servesFiles, IReadOnlyList<string> options)
    {
        DirectoryInfo directory = TemporaryFolder.Create();
        string countersFile = Path.Combine(directory.FullName, "counters");
        string[] arguments =
            [.. command.Skip(1), "serve", "--model", model, "--protocol", protocol, "--listen", "tcp://127.0.0.1:0", "--counters", countersFile, .. servesFiles ? Export(directory) : [], .. options];
        try
        {
            return new(ServerProcess.Start(command[0], arguments, environment: ServerGuard.Environment), directory, countersFile);
        }
        catch
        {
            directory.Delete(recursive: true);
            throw;
        }
    }

    // As for clients that match replies by xid, and any user.
    private static string[] Export(DirectoryInfo directory)
    {
        string root = directory.CreateSubdirectory("export").FullName.Replace(",", "\\,", StringComparison.Ordinal).Replace("=", "\\=", StringComparison.Ordinal);
        return ["--export", $"{root}=/export,insecure,no_root_squash,async", "--state", directory.FullName, "--reply-order", "any"];
    }

    private protected override void Terminate()
    {
        if (Process.Stop() != 0)
            throw new IOException($"the server {Process.End}");
    }

    private protected override void Release()
    {
        _counters.Dispose();
        _directory.Delete(recursive: true);
    }
}
