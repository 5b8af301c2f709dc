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
    /// <summary>The macros, one by one.</summary>
    public IEnumerable<string> Definitions => Defines.Split([';', '|', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries).Select(Unescaped);

    /// <summary>Makes C# of the file.</summary>
    /// <param name="find">Finds a file by the name that another gives it; null when there is none.</param>
    /// <param name="problems">Takes what is wrong, also in the files that it includes.</param>
    /// <returns>The C#, or null when something is wrong that is more than a warning.</returns>
    public string? Compile(Func<string, XFile?> find, ProblemList problems)
    {
        Specification? specification = Load(find, problems);
        return specification is null ? null : CSharpEmitter.Emit(specification, Namespace);
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
            file.SayWhichAreIdempotent(one, problems);
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

    private void SayWhichAreIdempotent(Specification specification, ProblemList problems)
    {
        HashSet<string> names = [.. Idempotent.Split([' ', ',', ';', '|', '\n', '\r', '\t'], StringSplitOptions.RemoveEmptyEntries)];
        bool all = names.Remove("*");
        List<ProcedureDefinition> procedures = [.. specification.Programs.SelectMany(one => one.Versions).SelectMany(one => one.Procedures)];
        foreach (ProcedureDefinition procedure in procedures)
            procedure.IsIdempotent = all || procedure.Number.Value == 0 || names.Contains(procedure.Name);
        names.ExceptWith(procedures.Select(procedure => procedure.Name));
        foreach (string name in names)
            problems.Report(ProblemKind.Unknown, new(Path, 1, 1), $"there is no procedure '{name}' to be idempotent: write names of this file's procedures, or *");
    }
}
