using Microsoft.CodeAnalysis;
using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Interfaces;

/// <summary>Reads a class marked [XdrUnion].</summary>
internal sealed class UnionReader(TypeReader types, ProblemList problems)
{
    public UnionType Read(INamedTypeSymbol symbol)
    {
        Position position = Symbols.PositionOf(symbol);
        List<IPropertySymbol> properties = [.. types.Properties(symbol)];
        List<IPropertySymbol> discriminants = [.. properties.Where(one => !IsArm(one))];
        if (discriminants.Count != 1)
        {
            problems.Report(
                ProblemKind.Unsupported,
                position,
                $"'{symbol.Name}' must have one property without [XdrCase] or [XdrDefault], which discriminates; it has {discriminants.Count}");
        }

        Declaration discriminant = discriminants.Count > 0 ? Declare(discriminants[0], isArm: false) : new(new PrimitiveType(PrimitiveKind.Int), "", position);
        List<UnionArm> arms = [];
        UnionType type = types.Remember(symbol, new UnionType(symbol.Name, position, discriminant, arms) { Keyword = Symbols.KeywordOf(symbol) });
        foreach (IPropertySymbol property in properties.Where(IsArm))
            arms.Add(new(Cases(property), Declare(property, isArm: true)));
        if (Symbols.Has(symbol, Symbols.Case))
            arms.Add(new(Cases(symbol), null));
        if (Symbols.Has(symbol, Symbols.Default))
            arms.Add(new([], null));
        if (arms.Count == 0)
            problems.Report(ProblemKind.Unsupported, position, $"'{symbol.Name}' has no arms: mark its properties [XdrCase(value)] or [XdrDefault]");
        types.Defined.Add(type);
        return type;
    }

    private Declaration Declare(IPropertySymbol property, bool isArm)
    {
        Position position = Symbols.PositionOf(property);
        return new(types.Read(property.Type, property.GetAttributes(), position, isArm), property.Name, position);
    }

    private static bool IsArm(IPropertySymbol property) => Symbols.Has(property, Symbols.Case) || Symbols.Has(property, Symbols.Default);

    private static List<Constant> Cases(ISymbol symbol) =>
        Symbols.Find(symbol.GetAttributes(), Symbols.Case) is { ConstructorArguments: { Length: 1 } arguments }
            ? [.. arguments[0].Values.Select(value => Symbols.Constant(Symbols.ToNumber(value.Value), Symbols.PositionOf(symbol)))]
            : [];
}
