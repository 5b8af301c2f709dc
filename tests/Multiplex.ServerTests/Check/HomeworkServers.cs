using System.Collections.Concurrent;
using Multiplex.ServerTests.Harness;

namespace Multiplex.ServerTests.Check;

/// <summary>The servers in this folder, as commands in which {port} stands for the port: in C, compiled sound or with one fault, and on Python's asyncio.</summary>
internal static class HomeworkServers
{
    private static readonly Lazy<string> s_folder = new(MakeFolder);
    private static readonly ConcurrentDictionary<(string Program, string Fault), Lazy<string>> s_compiled = new();

    /// <summary>A server in C: fork, threads or poll.</summary>
    /// <param name="program">Its source, without the extension.</param>
    /// <param name="fault">The macro that plants a fault; empty for none.</param>
    public static string InC(string program, string fault = "") => $"{Compiled(program, fault)} {{port}}";

    /// <summary>The path of a server in C. Its argument is a port, or the path of a UNIX-domain socket.</summary>
    /// <param name="program">Its source, without the extension.</param>
    /// <param name="fault">The macro that plants a fault; empty for none.</param>
    public static string Compiled(string program, string fault = "") => s_compiled.GetOrAdd((program, fault), _ => new(() => Compile(program, fault))).Value;

    /// <summary>The server on asyncio.</summary>
    /// <param name="fault">without-drain, or empty for none.</param>
    public static string InPython(string fault = "") => $"{Tools.Require("python3")} {Source("asyncio_server.py")} {{port}} {fault}".TrimEnd();

    /// <summary>The RPC server in Python, of the program of multiplex.x.</summary>
    /// <param name="fault">One of those that it lists; empty for none.</param>
    public static string OfRpc(string fault = "") => $"{Tools.Require("python3")} {Source("rpc_server.py")} {{port}} {fault}".TrimEnd();

    private static string Compile(string program, string fault)
    {
        string output = Path.Combine(s_folder.Value, $"{program}{fault}");
        string[] define = fault.Length > 0 ? [$"-D{fault}"] : [];
        ProgramRun.Successfully(Tools.Require("gcc", "cc"), ["-O2", "-Wall", "-Wextra", "-Werror", "-pthread", .. define, "-o", output, Source($"{program}.c")]);
        return output;
    }

    private static string Source(string file) => Path.Combine(AppContext.BaseDirectory, "Check", file);

    private static string MakeFolder()
    {
        string folder = Directory.CreateTempSubdirectory("multiplex-check-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        return folder;
    }
}
