using Microsoft.CodeAnalysis;
using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Interfaces;

/// <summary>Reads an interface marked [RpcProgram] as one version of a program.</summary>
internal sealed class InterfaceReader(TypeReader types, ProblemList problems)
{
    private const string Async = "Async";

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
        if (!Symbols.CanBeNamed(symbol))
            problems.Report(ProblemKind.Unsupported, position, $"'{symbol.Name}' is private, generic or within a generic type, and the stubs cannot implement it: make it internal or public");
        VersionDefinition only = new($"{name}V{version}", position, Symbols.Constant(version, position), procedures)
        {
            Access = Symbols.AccessOf(symbol),
            Contract = symbol.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat),
        };
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

        ContractReturn returns = Symbols.ReturnOf(method.ReturnType, out ITypeSymbol? returned);
        if (method.IsGenericMethod || method.IsStatic)
            problems.Report(ProblemKind.Unsupported, position, $"'{method.Name}' is generic or static: a remote procedure is neither");
        foreach (IParameterSymbol parameter in method.Parameters.Where(one => one.RefKind != RefKind.None))
            problems.Report(ProblemKind.Unsupported, Symbols.PositionOf(parameter), $"'{parameter.Name}' is passed by reference: a remote procedure returns its results");
        XdrType result = returned is null ? PrimitiveType.Void : types.Read(returned, method.GetReturnTypeAttributes(), position);
        (List<Declaration> arguments, List<ContractParameter> parameters) = Parameters(method);
        long number = Symbols.Number(attribute);
        bool isOneWay = Symbols.Named(attribute, "OneWay") is true;
        if (isOneWay && result is not PrimitiveType { Kind: PrimitiveKind.Void })
            problems.Report(ProblemKind.Unsupported, position, $"'{method.Name}' is one-way, and no caller would get its result: have it return void, Task or ValueTask");
        bool isTransactional = Symbols.Named(attribute, "Transactional") is true;
        if (isTransactional && parameters.All(one => one.Role != ContractRole.Context))
            problems.Report(ProblemKind.Unsupported, position, $"'{method.Name}' is transactional, and has no parameter of type RpcContext, by which it records its result: add one");
        string name = method.Name;
        if (returns != ContractReturn.Plain && name.Length > Async.Length && name.EndsWith(Async, StringComparison.Ordinal))
            name = name.Substring(0, name.Length - Async.Length);
        return new(name, position, Symbols.Constant(number, position), result, arguments)
        {
            IsIdempotent = number == 0 || Symbols.Named(attribute, "Idempotent") is true,
            IsOneWay = isOneWay,
            IsTransactional = isTransactional,
            IsQuick = Symbols.Named(attribute, "Quick") is bool quick ? quick : number == 0 || returns != ContractReturn.Plain,
            Method = new()
            {
                Name = method.Name,
                Returns = returns,
                Parameters = parameters,
                HasToken = parameters.Any(one => one.Role == ContractRole.Token),
                ReturnsSpan = returned is not null && Symbols.IsSpan(returned),
            },
        };
    }

    private (List<Declaration> Arguments, List<ContractParameter> All) Parameters(IMethodSymbol method)
    {
        List<Declaration> arguments = [];
        List<ContractParameter> all = [];
        foreach (IParameterSymbol one in method.Parameters)
        {
            Position position = Symbols.PositionOf(one);
            string type = one.Type.WithNullableAnnotation(NullableAnnotation.NotAnnotated).ToDisplayString();
            if (type == Symbols.Token)
            {
                if (one.Ordinal < method.Parameters.Length - 1)
                    problems.Report(ProblemKind.Unsupported, position, $"'{one.Name}' is a token, and not the last parameter: write it last");
                all.Add(new(ContractRole.Token));
            }
            else if (type == Symbols.Context)
            {
                all.Add(new(ContractRole.Context));
            }
            else
            {
                all.Add(new(ContractRole.Argument, arguments.Count, Symbols.IsSpan(one.Type)));
                arguments.Add(new(types.Read(one.Type, one.GetAttributes(), position), one.Name, position) { CSharpName = Naming.Camel(one.Name) });
            }
        }

        return (arguments, all);
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
