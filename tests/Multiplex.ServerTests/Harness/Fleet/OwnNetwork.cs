using Multiplex.ServerTests.Harness.Kernel;

namespace Multiplex.ServerTests.Harness.Fleet;

/// <summary>A network namespace with a loopback interface, network_namespaces(7), and programs in it.</summary>
internal sealed class OwnNetwork : IDisposable
{
    private const string Enter = "ip link set lo up && echo ready >&2 && exec sleep infinity";

    private readonly ServerProcess _keeper;

    public OwnNetwork()
    {
        NetworkOf.RequireOne();
        _keeper = ServerProcess.StartProgram(Tools.Require("unshare"), ["--net", "sh", "-c", Enter], endpoints: 0);
        Eventually.Holds(() => _keeper.Errors.Contains("ready"), () => string.Join('\n', _keeper.Errors));
    }

    /// <summary>A process in it.</summary>
    public int Id => _keeper.Id;

    /// <summary>The command that runs a program in it.</summary>
    public string[] Prefix => [Tools.Require("nsenter"), .. Inside([])];

    /// <summary>Starts a program in it, and waits until it listens on so many endpoints.</summary>
    public ServerProcess Start(int endpoints, string program, params string[] arguments) =>
        ServerProcess.StartProgram(Tools.Require("nsenter"), Inside([program, .. arguments]), endpoints);

    /// <summary>Runs a program in it to its end.</summary>
    public ProgramRun Run(string program, params string[] arguments) => ProgramRun.Of(Tools.Require("nsenter"), Inside([program, .. arguments]));

    /// <summary>As <see cref="Run"/>; the test fails unless the program succeeds.</summary>
    public void Successfully(string program, params string[] arguments) => ProgramRun.Successfully(Tools.Require("nsenter"), Inside([program, .. arguments]));

    public void Dispose() => _keeper.Dispose();

    private string[] Inside(string[] command) => ["--target", $"{Id}", "--net", .. command];
}
