using Multiplex.ServerTests.Harness;

namespace Multiplex.ServerTests.Peers;

/// <summary>Programs in C on libtirpc, with what rpcgen makes from <c>multiplex.x</c> as it is.</summary>
internal static class RpcgenProgram
{
    private static readonly Lazy<string> s_folder = new(Generate);
    private static readonly Lazy<string> s_client = new(() => Compile("client", "multiplex_clnt.c"));
    private static readonly Lazy<string> s_server = new(() => Compile("server", "multiplex_svc.c"));

    /// <summary>The client, <c>client.c</c>.</summary>
    public static string Client => s_client.Value;

    /// <summary>The server, <c>server.c</c>.</summary>
    public static string Server => s_server.Value;

    /// <summary>Skips the test where there is no rpcgen, compiler or libtirpc.</summary>
    public static void RequireTools()
    {
        Tools.Require("rpcgen");
        Tools.Require("gcc");
        if (!Directory.Exists("/usr/include/tirpc"))
            Tools.Missing("the headers of libtirpc are not installed");
    }

    private static string Generate()
    {
        string folder = Directory.CreateTempSubdirectory("multiplex-rpcgen-").FullName;
        string source = Path.Combine(AppContext.BaseDirectory, "Peers");
        foreach (string file in (string[])["multiplex.x", "client.c", "server.c"])
            File.Copy(Path.Combine(source, file), Path.Combine(folder, file));
        string rpcgen = Tools.Require("rpcgen");
        foreach ((string what, string file) in (ReadOnlySpan<(string, string)>)[("-h", "multiplex.h"), ("-c", "multiplex_xdr.c"), ("-l", "multiplex_clnt.c"), ("-m", "multiplex_svc.c")])
            ProgramRun.Successfully(rpcgen, ["-C", what, "-o", file, "multiplex.x"], folder: folder);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        return folder;
    }

    private static string Compile(string program, string stubs)
    {
        ProgramRun.Successfully(
            Tools.Require("gcc"),
            ["-I/usr/include/tirpc", "-O2", "-o", program, $"{program}.c", stubs, "multiplex_xdr.c", "-ltirpc"],
            folder: s_folder.Value);
        return Path.Combine(s_folder.Value, program);
    }
}
