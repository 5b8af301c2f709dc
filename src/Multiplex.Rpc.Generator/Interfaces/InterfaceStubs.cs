using System.Collections.Immutable;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;
using Multiplex.Rpc.Generator.Emitting;
using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Interfaces;

/// <summary>
/// What was made of a marked interface or class. It holds no symbols, and two that say the same are equal: so the compiler does
/// nothing again while something else is edited.
/// </summary>
/// <param name="Name">What the source is called.</param>
/// <param name="Numbers">The program and the version of an interface; for a class, nothing.</param>
/// <param name="Position">Where it stands.</param>
/// <param name="Source">The C#, or null when something is wrong.</param>
/// <param name="Problems">What is wrong within it.</param>
internal sealed record InterfaceStubs(string Name, string Numbers, Position Position, string? Source, EquatableProblems Problems)
{
    public static InterfaceStubs OfInterface(INamedTypeSymbol symbol, bool withServer)
    {
        ProblemList problems = [];
        ProgramDefinition program = new InterfaceReader(new(problems), problems).Read(symbol);
        Specification specification = new(symbol.Name) { IsCSharp = true, Programs = { program } };
        Binder.Bind(specification, problems);
        string space = symbol.ContainingNamespace.IsGlobalNamespace ? "" : symbol.ContainingNamespace.ToDisplayString();
        return Of(symbol, $"program {program.Number.Text} version {program.Versions[0].Number.Text}", problems, () => CSharpEmitter.EmitStubs(specification, space, withServer));
    }

    public static InterfaceStubs OfType(INamedTypeSymbol symbol)
    {
        ProblemList problems = [];
        CompositeType type = (CompositeType)new TypeReader(problems).Define(symbol)!;
        Binder.Bind(new(symbol.Name) { IsCSharp = true, Types = { type } }, problems);
        return Of(symbol, "", problems, () => CSharpEmitter.EmitPart(type));
    }

    public void AddTo(SourceProductionContext output)
    {
        foreach (Problem problem in Problems.All)
            output.ReportDiagnostic(Diagnostics.Of(problem));
        if (Source is not null)
            output.AddSource(Name, SourceText.From(Source, Encoding.UTF8));
    }

    /// <summary>Reports interfaces that are the same version of the same program.</summary>
    public static void ReportTwins(SourceProductionContext output, ImmutableArray<InterfaceStubs> all)
    {
        foreach (InterfaceStubs second in all.GroupBy(one => one.Numbers).SelectMany(same => same.Skip(1)))
            output.ReportDiagnostic(Diagnostics.Of(new(ProblemKind.Duplicate, second.Position, $"{second.Numbers} stands twice: give one interface another Version")));
    }

    // Mistakes in other types that it uses are reported there.
    private static InterfaceStubs Of(INamedTypeSymbol symbol, string numbers, ProblemList problems, Func<string> emit) => new(
        $"{symbol.ToDisplayString()}.g.cs",
        numbers,
        Symbols.PositionOf(symbol),
        problems.Any(problem => problem.IsError) ? null : emit(),
        new([.. problems.Where(problem => Symbols.IsWithin(symbol, problem.Position))]));
}

/// <summary>Problems that are equal when they say the same.</summary>
internal sealed class EquatableProblems(IReadOnlyList<Problem> all) : IEquatable<EquatableProblems>
{
    public IReadOnlyList<Problem> All { get; } = all;

    public bool Equals(EquatableProblems? other) => other is not null && All.SequenceEqual(other.All);

    public override bool Equals(object? obj) => Equals(obj as EquatableProblems);

    public override int GetHashCode() => All.Count;
}
