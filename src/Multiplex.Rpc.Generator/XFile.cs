using Multiplex.Rpc.Generator.Emitting;
using Multiplex.Rpc.Generator.Model;
using Multiplex.Rpc.Generator.Parsing;

namespace Multiplex.Rpc.Generator;

/// <summary>A .x file, and what its project says of it.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Text">What is in it.</param>
/// <param name="Namespace">The namespace for its types.</param>
/// <param name="Idempotent">The procedures that may be run twice, by the names they have in the file, or *; the others are acted on once.</param>
internal sealed record XFile(string Path, string Text, string Namespace, string Idempotent = "")
{
    /// <summary>Makes C# of the file.</summary>
    /// <param name="find">Finds a file that another names; null when there is none.</param>
    /// <param name="problems">Takes what is wrong.</param>
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
        Specification? specification = Load(find, problems, []);
        return problems.Any(problem => problem.IsError) ? null : specification;
    }

    private Specification? Load(Func<string, XFile?> find, ProblemList problems, Dictionary<string, Specification> loaded)
    {
        Specification specification;
        List<Inclusion> inclusions;
        try
        {
            specification = Parser.Parse(Path, Text, out inclusions);
        }
        catch (SyntaxException e)
        {
            problems.Report(ProblemKind.Syntax, e.Position, e.Message);
            return null;
        }

        loaded[Path] = specification;
        foreach (Inclusion inclusion in inclusions)
            Import(specification, inclusion, find, problems, loaded);
        Binder.Bind(specification, problems);
        Naming.Name(specification, Namespace);
        SayWhichAreIdempotent(specification, problems);
        return specification;
    }

    // A file that is named is not copied in, as the C preprocessor would: it is a file of its own, whose types can be used here.
    // To C, what x.x defines is in x.h.
    private static void Import(
        Specification specification, Inclusion inclusion, Func<string, XFile?> find, ProblemList problems, Dictionary<string, Specification> loaded)
    {
        string name = System.IO.Path.GetFileName(inclusion.Name);
        XFile? file = find(inclusion.IsForC ? System.IO.Path.ChangeExtension(name, ".x") : name);
        if (file is null)
        {
            if (!inclusion.IsForC)
                problems.Report(ProblemKind.Unknown, inclusion.Position, $"'{inclusion.Name}' is not among the files: give it as AdditionalFiles, or put it beside this one");
        }
        else if (loaded.TryGetValue(file.Path, out Specification? known))
        {
            specification.Imports.Add(known);
        }
        else if (file.Load(find, [], loaded) is { } import)
        {
            specification.Imports.Add(import);
        }
    }

    private void SayWhichAreIdempotent(Specification specification, ProblemList problems)
    {
        HashSet<string> names = [.. Idempotent.Split([' ', ',', ';', '\n'], StringSplitOptions.RemoveEmptyEntries)];
        bool all = names.Remove("*");
        List<ProcedureDefinition> procedures = [.. specification.Programs.SelectMany(one => one.Versions).SelectMany(one => one.Procedures)];
        foreach (ProcedureDefinition procedure in procedures)
            procedure.IsIdempotent = all || procedure.Number.Value == 0 || names.Contains(procedure.Name);
        names.ExceptWith(procedures.Select(procedure => procedure.Name));
        foreach (string name in names)
            problems.Report(ProblemKind.Unknown, new(Path, 1, 1), $"there is no procedure '{name}' to be idempotent: write names of this file's procedures, or *");
    }
}
