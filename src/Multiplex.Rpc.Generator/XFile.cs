using Multiplex.Rpc.Generator.Emitting;
using Multiplex.Rpc.Generator.Model;
using Multiplex.Rpc.Generator.Parsing;

namespace Multiplex.Rpc.Generator;

/// <summary>A .x file, and what its project says of it.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Text">What is in it.</param>
/// <param name="Namespace">The namespace for its types.</param>
/// <param name="Idempotent">The procedures that may be run twice, by the names they have in the file, or *; the others are acted on once.</param>
/// <param name="Defines">Macros from outside the file, as after -D of rpcgen, divided by ';', '|' or lines.</param>
/// <param name="Strings">What a string is in C#: "bytes", or text.</param>
internal sealed record XFile(string Path, string Text, string Namespace, string Idempotent = "", string Defines = "", string Strings = "")
{
    /// <summary>The procedures that have no reply, by name, or *.</summary>
    public string OneWay { get; init; } = "";

    /// <summary>"true": the methods of the contract return tasks, and take a token.</summary>
    public string Async { get; init; } = "";

    /// <summary>"true": the methods of the contract take the caller's context.</summary>
    public string Context { get; init; } = "";

    /// <summary>Whether the server's side is made too.</summary>
    public bool WithServer { get; init; } = true;

    /// <summary>The macros, one by one.</summary>
    public IEnumerable<string> Definitions => Defines.Split([';', '|', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries).Select(Unescaped);

    /// <summary>Makes C# of the file.</summary>
    /// <param name="find">Finds a file by the name that another gives it; null when there is none.</param>
    /// <param name="problems">Takes what is wrong, also in the files that it includes.</param>
    /// <returns>The C#, or null when something is wrong that is more than a warning.</returns>
    public string? Compile(Func<string, XFile?> find, ProblemList problems)
    {
        Specification? specification = Load(find, problems);
        return specification is null ? null : CSharpEmitter.Emit(specification, Namespace, WithServer);
    }

    /// <summary>Reads, binds and names the file.</summary>
    /// <inheritdoc cref="Compile"/>
    public Specification? Load(Func<string, XFile?> find, ProblemList problems)
    {
        List<(XFile File, Specification Specification)> all = [];
        Specification specification = Parse(find, problems, all);
        foreach ((_, Specification one) in all)
            Binder.BindNames(one, problems);
        foreach ((_, Specification one) in all)
            Binder.Check(one, problems);
        foreach ((XFile file, Specification one) in all)
            file.SayWhatProceduresAre(one, problems);
        if (problems.Any(problem => problem.IsError))
            return null;
        foreach ((XFile file, Specification one) in all)
            Naming.Name(one, file.Namespace);
        return specification;
    }

    // A file that is included is not copied in, as the C preprocessor would: it is a file of its own, whose types can be used here.
    // Those that it includes come before it, but for one that includes it again.
    private Specification Parse(Func<string, XFile?> find, ProblemList problems, List<(XFile File, Specification Specification)> all)
    {
        Specification specification = new(Path) { StringsAreBytes = Strings.Equals("bytes", StringComparison.OrdinalIgnoreCase) };
        all.Add((this, specification));
        if (Strings.Length > 0 && !specification.StringsAreBytes && !Strings.Equals("text", StringComparison.OrdinalIgnoreCase))
            problems.Report(ProblemKind.Unsupported, new(Path, 1, 1), $"'{Strings}' is no kind of strings: write bytes or text");
        Preprocessor preprocessor = Preprocessor.Run(this, find, problems);
        specification.DefinesForC = preprocessor.DefinesForC;
        Parser.Parse(preprocessor.Words, specification, problems);
        foreach (Inclusion inclusion in preprocessor.Inclusions)
        {
            Specification? known = all.Find(one => one.File.Path == inclusion.File.Path).Specification;
            specification.Imports.Add(known ?? inclusion.File.Parse(find, problems, all));
        }

        all.Remove((this, specification));
        all.Add((this, specification));
        return specification;
    }

    // MSBuild hands ';' and '#' on as %3B and %23, and '|' as %7C.
    private static string Unescaped(string definition) => definition.Replace("%3B", ";").Replace("%23", "#").Replace("%7C", "|");

    private void SayWhatProceduresAre(Specification specification, ProblemList problems)
    {
        List<ProcedureDefinition> procedures = [.. specification.Programs.SelectMany(one => one.Versions).SelectMany(one => one.Procedures)];
        HashSet<string> idempotent = Named(Idempotent, procedures, "idempotent", problems), oneWay = Named(OneWay, procedures, "one-way", problems);
        bool isAsync = IsTrue(Async, "RpcAsync", problems), hasContext = IsTrue(Context, "RpcContext", problems);
        foreach (ProcedureDefinition procedure in procedures)
        {
            procedure.IsIdempotent = procedure.Number.Value == 0 || idempotent.Contains(procedure.Name);
            procedure.IsOneWay = oneWay.Contains(procedure.Name);
            procedure.IsQuick = procedure.Number.Value == 0 || isAsync;
            procedure.Method = new() { Returns = isAsync ? ContractReturn.ValueTask : ContractReturn.Plain, HasToken = isAsync, HasContext = hasContext };
            if (procedure.IsOneWay && procedure.Result.Structure is not PrimitiveType { Kind: PrimitiveKind.Void })
                problems.Report(ProblemKind.Unsupported, procedure.Position, $"'{procedure.Name}' is one-way, and no caller would get its result: have it return void");
        }
    }

    // The procedures that a list names; * stands for all.
    private HashSet<string> Named(string list, List<ProcedureDefinition> procedures, string what, ProblemList problems)
    {
        HashSet<string> names = [.. list.Split([' ', ',', ';', '|', '\n', '\r', '\t'], StringSplitOptions.RemoveEmptyEntries)];
        HashSet<string> known = [.. procedures.Select(procedure => procedure.Name)];
        bool all = names.Remove("*");
        foreach (string name in names.Where(name => !known.Contains(name)))
            problems.Report(ProblemKind.Unknown, new(Path, 1, 1), $"there is no procedure '{name}' to be {what}: write names of this file's procedures, or *");
        return all ? known : names;
    }

    private bool IsTrue(string text, string what, ProblemList problems)
    {
        if (text.Length > 0 && !bool.TryParse(text, out _))
            problems.Report(ProblemKind.Unsupported, new(Path, 1, 1), $"{what} is '{text}': write true or false");
        return bool.TryParse(text, out bool value) && value;
    }
}
