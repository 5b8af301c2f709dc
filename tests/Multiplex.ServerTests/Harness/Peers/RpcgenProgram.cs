namespace Multiplex.ServerTests.Harness.Peers;

/// <summary>Programs in C on libtirpc, with what rpcgen makes from a .x file as it is.</summary>
internal sealed class RpcgenProgram
{
    private readonly string _name;
    private readonly Lazy<string> _folder, _client, _server, _afterATimeout;

    private RpcgenProgram(string name, string client, string server)
    {
        _name = name;
        _folder = new(Generate);
        _client = new(() => Compile(client, $"{name}_clnt.c"));
        _server = new(() => Compile(server, $"{name}_svc.c"));
        _afterATimeout = new(() => Compile("after_a_timeout", $"{name}_clnt.c"));
    }

    /// <summary>Of <c>multiplex.x</c>: <c>client.c</c> and <c>server.c</c>.</summary>
    public static RpcgenProgram Multiplex { get; } = new("multiplex", "client", "server");

    /// <summary>Of <c>everything.x</c>, which has every construct of the language: <c>everything_client.c</c> and <c>everything_server.c</c>.</summary>
    public static RpcgenProgram Everything { get; } = new("everything", "everything_client", "everything_server");

    /// <summary>The client.</summary>
    public string Client => _client.Value;

    /// <summary>The server.</summary>
    public string Server => _server.Value;

    /// <summary>A client of <c>multiplex.x</c>, one of whose calls times out.</summary>
    public string AfterATimeout => _afterATimeout.Value;

    /// <summary>Skips the test where there is no rpcgen, compiler or libtirpc.</summary>
    public static void RequireTools()
    {
        Tools.Require("rpcgen");
        Tools.Require("gcc");
        if (!Directory.Exists("/usr/include/tirpc"))
            Tools.Missing("the headers of libtirpc are not installed");
    }

    private string Generate()
    {
        string folder = Directory.CreateTempSubdirectory("multiplex-rpcgen-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        foreach (string file in Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Peers")))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        string rpcgen = Tools.Require("rpcgen");
        foreach ((string what, string ending) in (ReadOnlySpan<(string, string)>)[("-h", ".h"), ("-c", "_xdr.c"), ("-l", "_clnt.c"), ("-m", "_svc.c")])
            ProgramRun.Successfully(rpcgen, ["-C", what, "-o", $"{_name}{ending}", $"{_name}.x"], folder: folder);
        return folder;
    }

    private string Compile(string program, string stubs)
    {
        ProgramRun.Successfully(
            Tools.Require("gcc"),
            ["-I/usr/include/tirpc", "-O2", "-o", program, $"{program}.c", "peers.c", stubs, $"{_name}_xdr.c", "-ltirpc"],
            folder: _folder.Value);
        return Path.Combine(_folder.Value, program);
    }
}
