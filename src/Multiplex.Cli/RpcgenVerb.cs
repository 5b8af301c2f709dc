using CommandLine;
using Multiplex.Cli.Output;
using Multiplex.Cli.XFiles;
using Multiplex.Rpc.Generator;

namespace Multiplex.Cli;

[Verb("rpcgen", HelpText = "Print the C# stubs of a .x file; or the .x file of a .cs file with interfaces marked [RpcProgram].")]
internal sealed class RpcgenOptions : IVerb
{
    [Value(0, Required = true, MetaName = "FILE", HelpText = "A .x file, or a .cs file.")]
    public string File { get; set; } = "";

    [Option("namespace", Default = "Rpc", MetaValue = "NAMESPACE", HelpText = "Of a .x file: the namespace of the C#.")]
    public string Namespace { get; set; } = "";

    [Option("idempotent", Default = "", MetaValue = "PROCEDURE,…", HelpText = "Of a .x file: the procedures that may be run twice, by their names in it, or *.")]
    public string Idempotent { get; set; } = "";

    [Option("one-way", Default = "", MetaValue = "PROCEDURE,…", HelpText = "Of a .x file: the procedures that have no reply, by their names in it, or *.")]
    public string OneWay { get; set; } = "";

    [Option("async", HelpText = "Of a .x file: the methods of its contracts return tasks, and take a CancellationToken.")]
    public bool IsAsync { get; set; }

    [Option("context", HelpText = "Of a .x file: the methods of its contracts take an RpcContext.")]
    public bool HasContext { get; set; }

    [Option('D', "define", MetaValue = "NAME[=WORDS]", HelpText = "Of a .x file: a macro, as of rpcgen(1); may be said several times.")]
    public string Defines { get; set; } = "";

    [Option('I', "include", MetaValue = "FOLDER", HelpText = "Of a .x file: where included files are, if not beside it; may be said several times.")]
    public string Folders { get; set; } = "";

    [Option("strings", Default = "text", MetaValue = "text|bytes", HelpText = "Of a .x file: what its strings are in C#; bytes need not be UTF-8.")]
    public string Strings { get; set; } = "";

    [Option("client", HelpText = "Of a .x file: the client's side alone, for a project that references Multiplex.Rpc.Client.")]
    public bool Client { get; set; }

    public int Run()
    {
        if (Path.GetExtension(File) is not (".x" or ".cs"))
            throw new UsageException($"FILE {File}: write a .x file, for its C#, or a .cs file, for its .x");
        if (!System.IO.File.Exists(File))
            throw new UsageException($"FILE {File}: there is no such file");
        if (Strings is not ("text" or "bytes"))
            throw new UsageException($"--strings {Strings}: write text or bytes");
        Func<string, XFile?> find = XFileOptions.Finder(File, Folders, Read);
        if (Path.GetExtension(File) == ".cs")
            return ToX();
        ProblemList problems = [];
        string? printed = Read(File).Compile(find, problems);
        foreach (Problem problem in problems.Where(problem => !problem.IsError))
            StandardStream.Error.WriteLine($"{problem.Position.File}:{problem.Position.Line}: note: {problem.Message}");
        if (printed is null)
            throw new UsageException(string.Join("\nmultiplex: ", problems.Where(problem => problem.IsError).Distinct()));
        StandardStream.Output.WriteLine(printed.TrimEnd('\n'));
        return ExitStatus.Done;
    }

    // The options name procedures of FILE, not of the files that it includes.
    private XFile Read(string path) => new(path, System.IO.File.ReadAllText(path), Namespace, path == File ? Idempotent : "", XFileOptions.Macros(Defines), Strings)
    {
        OneWay = path == File ? OneWay : "",
        Async = IsAsync ? "true" : "",
        Context = HasContext ? "true" : "",
        WithServer = !Client,
    };

    // The C# compiler cannot be part of a native binary, so this process executes a separate program for it, execve(2).
    private int ToX()
    {
        const string Name = "multiplex-rpcgen";
        string program = OtherProgram.Find(Name, Path.Combine(AppContext.BaseDirectory, "..", Name))
            ?? throw new UsageException($"FILE {File}: C# needs the program {Name}: run 'dotnet tool install --global Multiplex.Rpcgen', or put artifacts/{Name} of ./run-all.sh build on PATH");
        OtherProgram.Become(program, File);
        return ExitStatus.Failed;
    }
}
