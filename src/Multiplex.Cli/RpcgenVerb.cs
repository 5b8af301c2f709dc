using System.Runtime.CompilerServices;
using CommandLine;
using Multiplex.Rpc.Generator;
using Multiplex.Rpc.Generator.Interfaces;

namespace Multiplex.Cli;

[Verb("rpcgen", HelpText = "Print the C# stubs of a .x file; or the .x file of a .cs file with interfaces marked [RpcProgram].")]
internal sealed class RpcgenOptions : IVerb
{
    [Value(0, Required = true, MetaName = "FILE", HelpText = "A .x file, or a .cs file.")]
    public string File { get; set; } = "";

    [Option("namespace", Default = "Rpc", MetaValue = "NAME", HelpText = "Of a .x file: the namespace of the C#.")]
    public string Namespace { get; set; } = "";

    [Option("idempotent", Default = "", MetaValue = "A,B", HelpText = "Of a .x file: the procedures that may be run twice, by their names in it, or *.")]
    public string Idempotent { get; set; } = "";

    public int Run()
    {
        if (Path.GetExtension(File) is not (".x" or ".cs"))
            throw new UsageException($"FILE {File}: write a .x file, for its C#, or a .cs file, for its .x");
        if (!System.IO.File.Exists(File))
            throw new UsageException($"FILE {File}: there is no such file");
        string text = System.IO.File.ReadAllText(File);
        ProblemList problems = [];
        string? printed = Path.GetExtension(File) == ".x" ? ToCSharp(text, problems) : ToX(text, problems);
        foreach (Problem problem in problems.Where(problem => !problem.IsError))
            StandardStream.Error.WriteLine($"{problem.Position.File}:{problem.Position.Line}: warning: {problem.Message}");
        if (printed is null)
            throw new UsageException(problems.First(problem => problem.IsError).ToString());
        StandardStream.Output.WriteLine(printed.TrimEnd('\n'));
        return ExitStatus.Done;
    }

    private string? ToCSharp(string text, ProblemList problems) =>
        new XFile(File, text, Namespace, Idempotent).Compile(Beside, problems);

    // Files that are named stand beside the one that names them.
    private XFile? Beside(string name)
    {
        string path = Path.Combine(Path.GetDirectoryName(File) ?? "", name);
        return System.IO.File.Exists(path) ? new(path, System.IO.File.ReadAllText(path), Namespace) : null;
    }

    // By itself, so that the compiler's assemblies are loaded for C# alone.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private string? ToX(string text, ProblemList problems) => InterfaceFile.ToX(
        File, text, ((string?)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries), problems);
}
