using Microsoft.CodeAnalysis;
using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Interfaces;

/// <summary>Reads types of C# as types of XDR.</summary>
internal sealed class TypeReader(ProblemList problems)
{
    private readonly Dictionary<ISymbol, DefinedType> _defined = new(SymbolEqualityComparer.Default);

    /// <summary>All enums, structs and unions that were met, each after those that it holds.</summary>
    public List<DefinedType> Defined { get; } = [];

    /// <summary>A type, with the bounds that its attributes give it.</summary>
    /// <param name="type">The type.</param>
    /// <param name="attributes">What stands on the property, the parameter or the method's result.</param>
    /// <param name="position">Where.</param>
    /// <param name="isArm">Whether it is an arm of a union, which is null while another arm counts.</param>
    public XdrType Read(ITypeSymbol type, IReadOnlyCollection<AttributeData> attributes, Position position, bool isArm = false)
    {
        AttributeData? most = Symbols.Find(attributes, Symbols.Max), exact = Symbols.Find(attributes, Symbols.Fixed);
        Constant? length = most is not null ? Symbols.Constant(Symbols.Number(most), position)
            : exact is not null ? Symbols.Constant(Symbols.Number(exact), position)
            : null;
        Bounded(type, most, exact, position);
        bool isString = Symbols.Find(attributes, Symbols.Bytes) is not null;
        if (isString && (exact is not null || !IsBytes(type is IArrayTypeSymbol { ElementType: IArrayTypeSymbol inner } ? inner : type)))
            problems.Report(ProblemKind.Unsupported, position, "[XdrBytes] is for byte[] and byte[][] without [XdrFixed]");
        Constant? each = most is not null && Symbols.Named(most, "Each") is int bound ? Symbols.Constant(bound, position) : null;
        if (type is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } nullable)
            return new OptionalType(Bare(nullable.TypeArguments[0], length, each, exact is not null, isString, position));
        XdrType bare = Bare(type, length, each, exact is not null, isString, position);
        return type is { IsReferenceType: true, NullableAnnotation: NullableAnnotation.Annotated } && !isArm ? new OptionalType(bare) : bare;
    }

    /// <summary>The enum, struct or union that a type is; null when it is none.</summary>
    public DefinedType? Define(ITypeSymbol type)
    {
        ITypeSymbol definition = type.WithNullableAnnotation(NullableAnnotation.NotAnnotated);
        if (_defined.TryGetValue(definition, out DefinedType? known))
            return known;
        return definition switch
        {
            { TypeKind: TypeKind.Enum } => Enum(definition),
            INamedTypeSymbol one when Symbols.Has(one, Symbols.Struct) => Struct(one),
            INamedTypeSymbol one when Symbols.Has(one, Symbols.Union) => new UnionReader(this, problems).Read(one),
            _ => null,
        };
    }

    /// <summary>Remembers a type before its members are read, which may be of that type.</summary>
    public T Remember<T>(ITypeSymbol symbol, T type)
        where T : DefinedType
    {
        type.Namespace = symbol.ContainingNamespace.IsGlobalNamespace ? "" : symbol.ContainingNamespace.ToDisplayString();
        type.CSharpName = symbol.ContainingType is null ? symbol.Name : $"{symbol.ContainingType.Name}.{symbol.Name}";
        _defined[symbol] = type;
        return type;
    }

    /// <summary>The properties of a class that can be set.</summary>
    public IEnumerable<IPropertySymbol> Properties(INamedTypeSymbol type)
    {
        if (type.ContainingType is not null)
            problems.Report(ProblemKind.Unsupported, Symbols.PositionOf(type), $"'{type.Name}' stands within '{type.ContainingType.Name}': put it into the namespace");
        if (type.IsAbstract || type.IsGenericType || type.BaseType is { SpecialType: not SpecialType.System_Object })
            problems.Report(ProblemKind.Unsupported, Symbols.PositionOf(type), $"'{type.Name}' is abstract, generic or derived: write a class by itself");
        else if (type.InstanceConstructors.All(one => one.Parameters.Length > 0))
            problems.Report(ProblemKind.Unsupported, Symbols.PositionOf(type), $"'{type.Name}' has no constructor without parameters, with which what was received is made");
        foreach (IPropertySymbol property in type.GetMembers().OfType<IPropertySymbol>())
        {
            if (property is not { IsStatic: false, IsIndexer: false, SetMethod: { } set })
                continue;
            if (set.IsInitOnly)
                problems.Report(ProblemKind.Unsupported, Symbols.PositionOf(property), $"'{property.Name}' can only be initialised: write set for init");
            else if (property.IsRequired)
                problems.Report(ProblemKind.Unsupported, Symbols.PositionOf(property), $"'{property.Name}' is required: give it a first value instead");
            else
                yield return property;
        }
    }

    private XdrType Bare(ITypeSymbol type, Constant? length, Constant? each, bool isFixed, bool isString, Position position)
    {
        if (type.SpecialType == SpecialType.System_Void)
            return PrimitiveType.Void;
        if (type.SpecialType == SpecialType.System_String)
            return new StringType(length);
        if (Primitive(type.SpecialType) is { } kind)
            return new PrimitiveType(kind);
        if (IsBytes(type))
            return isString ? new StringType(length, isBytes: true) : new OpaqueType(length, isFixed);
        if (type is IArrayTypeSymbol { Rank: 1 } array)
        {
            XdrType element = Bare(array.ElementType, each, null, isFixed: false, isString, position);
            bool isOptional = array.ElementType is { IsReferenceType: true, NullableAnnotation: NullableAnnotation.Annotated };
            return new ArrayType(isOptional ? new OptionalType(element) : element, length, isFixed);
        }

        DefinedType? defined = Define(type);
        if (defined is EnumType values && values.Members.FirstOrDefault(member => member.Value is < int.MinValue or > int.MaxValue) is { } large)
            problems.Report(ProblemKind.Unsupported, position, $"'{values.Name}' has {large.Name} = {large.Value}, which is no 32-bit integer");
        return defined ?? (XdrType)Unsupported(type, position);
    }

    private void Bounded(ITypeSymbol type, AttributeData? most, AttributeData? exact, Position position)
    {
        bool isString = type.SpecialType == SpecialType.System_String;
        if ((most ?? exact) is not null && !isString && !IsBytes(type) && type is not IArrayTypeSymbol)
            problems.Report(ProblemKind.Unsupported, position, $"'{type.ToDisplayString()}' has no length: [XdrMaxLength] and [XdrFixed] are for strings, byte[] and arrays");
        else if (most is not null && exact is not null)
            problems.Report(ProblemKind.Duplicate, position, "the length has two bounds: write [XdrMaxLength(n)] or [XdrFixed(n)]");
        else if (exact is not null && isString)
            problems.Report(ProblemKind.Unsupported, position, "strings of XDR have no fixed length: write [XdrMaxLength(n)]");
    }

    private StructType Struct(INamedTypeSymbol symbol)
    {
        List<Declaration> members = [];
        StructType type = Remember(symbol, new StructType(symbol.Name, Symbols.PositionOf(symbol), members) { Keyword = Symbols.KeywordOf(symbol) });
        foreach (IPropertySymbol property in Properties(symbol))
            members.Add(new(Read(property.Type, property.GetAttributes(), Symbols.PositionOf(property)), property.Name, Symbols.PositionOf(property)));
        Defined.Add(type);
        return type;
    }

    private EnumType Enum(ITypeSymbol symbol)
    {
        List<Enumerator> members = [];
        foreach (IFieldSymbol field in symbol.GetMembers().OfType<IFieldSymbol>().Where(field => field.HasConstantValue))
            members.Add(new(field.Name, Symbols.PositionOf(field), Symbols.Constant(Symbols.ToNumber(field.ConstantValue), Symbols.PositionOf(field))));
        EnumType type = Remember(symbol, new EnumType(symbol.Name, Symbols.PositionOf(symbol), members));
        Defined.Add(type);
        return type;
    }

    private PrimitiveType Unsupported(ITypeSymbol type, Position position)
    {
        problems.Report(
            ProblemKind.Unsupported,
            position,
            $"'{type.ToDisplayString()}' is no type of XDR: write a number, bool, string, byte[], an array, an enum, or a class marked [XdrStruct] or [XdrUnion]");
        return new PrimitiveType(PrimitiveKind.Int);
    }

    private static bool IsBytes(ITypeSymbol type) =>
        type is IArrayTypeSymbol { Rank: 1, ElementType.SpecialType: SpecialType.System_Byte }
        || (type is INamedTypeSymbol { Name: "ReadOnlySpan", TypeArguments.Length: 1 } span && span.TypeArguments[0].SpecialType == SpecialType.System_Byte);

    private static PrimitiveKind? Primitive(SpecialType type) => type switch
    {
        SpecialType.System_Int32 => PrimitiveKind.Int,
        SpecialType.System_UInt32 => PrimitiveKind.UInt,
        SpecialType.System_Int64 => PrimitiveKind.Hyper,
        SpecialType.System_UInt64 => PrimitiveKind.UHyper,
        SpecialType.System_Single => PrimitiveKind.Float,
        SpecialType.System_Double => PrimitiveKind.Double,
        SpecialType.System_Boolean => PrimitiveKind.Bool,
        SpecialType.System_SByte => PrimitiveKind.Char,
        SpecialType.System_Byte => PrimitiveKind.UChar,
        SpecialType.System_Int16 => PrimitiveKind.Short,
        SpecialType.System_UInt16 => PrimitiveKind.UShort,
        _ => null,
    };
}
