using Microsoft.CodeAnalysis;
using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Interfaces;

/// <summary>Reads an interface marked [RpcProgram] as one version of a program.</summary>
internal sealed class InterfaceReader(TypeReader types, ProblemList problems)
{
    public ProgramDefinition Read(INamedTypeSymbol symbol)
    {
        Position position = Symbols.PositionOf(symbol);
        AttributeData attribute = Symbols.Find(symbol.GetAttributes(), Symbols.Program)!;
        long number = Symbols.Number(attribute), version = Symbols.ToNumber(Symbols.Named(attribute, "Version") ?? 1);
        string name = BaseName(symbol.Name, version);
        List<ProcedureDefinition> procedures = [];
        foreach (IMethodSymbol method in symbol.GetMembers().OfType<IMethodSymbol>().Where(one => one.MethodKind == MethodKind.Ordinary))
        {
            if (Procedure(method) is { } procedure)
                procedures.Add(procedure);
        }

        foreach (ISymbol member in symbol.GetMembers().Where(one => one is IPropertySymbol or IEventSymbol))
            problems.Report(ProblemKind.Unsupported, Symbols.PositionOf(member), $"'{member.Name}' is no method: only methods can be remote procedures");
        foreach (INamedTypeSymbol other in symbol.Interfaces)
            problems.Report(ProblemKind.Unsupported, position, $"'{symbol.Name}' extends '{other.Name}', whose methods would be no procedures: write them here");
        VersionDefinition only = new($"{name}V{version}", position, Symbols.Constant(version, position), procedures) { Access = Symbols.AccessOf(symbol) };
        foreach (ProcedureDefinition taken in procedures.Where(one => Naming.IsTaken(one.Name, only.Name, procedures.Select(other => other.Name))))
            problems.Report(ProblemKind.Unsupported, taken.Position, $"'{taken.Name}' is the name of something else in the stubs: write another");
        return new(name, position, Symbols.Constant(number, position), [only]);
    }

    private ProcedureDefinition? Procedure(IMethodSymbol method)
    {
        Position position = Symbols.PositionOf(method);
        if (Symbols.Find(method.GetAttributes(), Symbols.Procedure) is not { } attribute)
        {
            problems.Report(ProblemKind.Unsupported, position, $"'{method.Name}' has no number: mark it [Procedure(n)]");
            return null;
        }

        bool isTask = method.ReturnType.Name is "Task" or "ValueTask";
        if (method.IsGenericMethod || method.IsStatic)
            problems.Report(ProblemKind.Unsupported, position, $"'{method.Name}' is generic or static: a remote procedure is neither");
        if (isTask)
            problems.Report(ProblemKind.Unsupported, position, $"'{method.Name}' returns a task: write its result itself; the client has an async method for each procedure");
        foreach (IParameterSymbol parameter in method.Parameters.Where(one => one.RefKind != RefKind.None))
            problems.Report(ProblemKind.Unsupported, Symbols.PositionOf(parameter), $"'{parameter.Name}' is passed by reference: a remote procedure returns its results");
        XdrType result = isTask ? PrimitiveType.Void : types.Read(method.ReturnType, method.GetReturnTypeAttributes(), position);
        List<Declaration> arguments = [.. method.Parameters.Select(one =>
            new Declaration(types.Read(one.Type, one.GetAttributes(), Symbols.PositionOf(one)), one.Name, Symbols.PositionOf(one)) { CSharpName = Naming.Camel(one.Name) })];
        long number = Symbols.Number(attribute);
        return new(method.Name, position, Symbols.Constant(number, position), result, arguments)
        {
            IsIdempotent = number == 0 || Symbols.Named(attribute, "Idempotent") is true,
        };
    }

    // IName, and INameV2 as version 2, give Name.
    private static string BaseName(string name, long version)
    {
        string suffix = $"V{version}";
        if (name.Length > 1 && name[0] == 'I' && char.IsUpper(name[1]))
            name = name.Substring(1);
        return name.Length > suffix.Length && name.EndsWith(suffix, StringComparison.Ordinal) ? name.Substring(0, name.Length - suffix.Length) : name;
    }
}
