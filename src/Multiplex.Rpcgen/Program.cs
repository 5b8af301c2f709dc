using Multiplex.Rpc.Generator;
using Multiplex.Rpc.Generator.Interfaces;

// multiplex-rpcgen FILE.cs: prints the .x file of the interfaces in it. multiplex rpcgen runs this program for C# files, because it needs
// the C# compiler, which cannot be part of a native binary. Exit status: 0 done; 1 failed; 2 wrong usage.
if (args is not [string path] || Path.GetExtension(path) != ".cs")
{
    Console.Error.WriteLine("multiplex-rpcgen: write one .cs file");
    return 2;
}

try
{
    ProblemList problems = [];
    string[] assemblies = ((string?)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
    string? printed = InterfaceFile.ToX(path, File.ReadAllText(path), assemblies, problems);
    foreach (Problem problem in problems.Where(problem => !problem.IsError))
        Console.Error.WriteLine($"{problem.Position.File}:{problem.Position.Line}: note: {problem.Message}");
    if (printed is null)
    {
        Console.Error.WriteLine($"multiplex: {string.Join("\nmultiplex: ", problems.Where(problem => problem.IsError).Distinct())}");
        return 2;
    }

    Console.Out.WriteLine(printed.TrimEnd('\n'));
    Console.Out.Flush();
    return 0;
}
catch (Exception e) when (e is IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"multiplex: {e.Message}");
    return 1;
}
