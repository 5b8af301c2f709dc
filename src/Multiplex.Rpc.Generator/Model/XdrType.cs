namespace Multiplex.Rpc.Generator.Model;

/// <summary>A type of XDR, RFC 4506: what both kinds of source are read into, and every kind of output is made from.</summary>
internal abstract class XdrType
{
    /// <summary>The type behind names and typedefs. Only after the names are bound.</summary>
    public XdrType Structure
    {
        get
        {
            XdrType type = this;
            while (true)
            {
                switch (type)
                {
                    case NamedType { Target: { } target }:
                        type = target;
                        break;
                    case TypedefType typedef:
                        type = typedef.Target;
                        break;
                    default:
                        return type;
                }
            }
        }
    }
}

/// <summary>The types without parts. rpcgen's char and short are integers of a smaller range: four bytes each.</summary>
internal enum PrimitiveKind
{
    Void,
    Int,
    UInt,
    Hyper,
    UHyper,
    Float,
    Double,
    Bool,
    Char,
    UChar,
    Short,
    UShort,
}

internal sealed class PrimitiveType(PrimitiveKind kind) : XdrType
{
    public static readonly PrimitiveType Void = new(PrimitiveKind.Void);

    public PrimitiveKind Kind { get; } = kind;
}

/// <summary>Opaque data. Of a fixed length, or of at most that; without one: as long as it likes.</summary>
internal sealed class OpaqueType(Constant? length, bool isFixed) : XdrType
{
    public Constant? Length { get; } = length;

    public bool IsFixed { get; } = isFixed;
}

/// <summary>A string: text in C#, or bytes.</summary>
internal sealed class StringType(Constant? length, bool isBytes = false) : XdrType
{
    public Constant? Length { get; } = length;

    public bool IsBytes { get; } = isBytes;
}

/// <summary>An array, with a length as of <see cref="OpaqueType"/>.</summary>
internal sealed class ArrayType(XdrType element, Constant? length, bool isFixed) : XdrType
{
    public XdrType Element { get; } = element;

    public Constant? Length { get; } = length;

    public bool IsFixed { get; } = isFixed;
}

/// <summary>Optional data: a pointer that may be null.</summary>
internal sealed class OptionalType(XdrType element) : XdrType
{
    public XdrType Element { get; } = element;
}

/// <summary>A name where a type stands; what it names is found once all definitions are known.</summary>
internal sealed class NamedType(string name, Position position) : XdrType
{
    public string Name { get; } = name;

    public Position Position { get; } = position;

    public XdrType? Target { get; set; }
}

/// <summary>A number: written out, or the name of one, whose value is found once all definitions are known.</summary>
internal sealed class Constant(string text, Position position, decimal? value = null)
{
    public string Text { get; } = text;

    public Position Position { get; } = position;

    public decimal? Value { get; set; } = value;

    /// <summary>As the bound of something in memory.</summary>
    public int Bound => (int)Math.Min(Value ?? 0, int.MaxValue);
}

/// <summary>A member of a struct, the discriminant or an arm of a union, an argument.</summary>
internal sealed class Declaration(XdrType type, string name, Position position)
{
    public XdrType Type { get; } = type;

    public string Name { get; } = name;

    public Position Position { get; } = position;

    /// <summary>What it is called in C#.</summary>
    public string CSharpName { get; set; } = name;
}

/// <summary>A type with a name of its own.</summary>
internal abstract class DefinedType(string name, Position position) : XdrType
{
    /// <summary>What its source calls it; empty until it is known, for a type that is defined where it is used.</summary>
    public string Name { get; set; } = name;

    public Position Position { get; } = position;

    /// <summary>What it is called in C#.</summary>
    public string CSharpName { get; set; } = name;

    /// <summary>Where it stands in C#.</summary>
    public string Namespace { get; set; } = "";
}

internal sealed class TypedefType(string name, Position position, XdrType target) : DefinedType(name, position)
{
    public XdrType Target { get; } = target;
}

internal sealed class EnumType(string name, Position position, IReadOnlyList<Enumerator> members) : DefinedType(name, position)
{
    public IReadOnlyList<Enumerator> Members { get; } = members;
}

/// <summary>A value of an enum; without a number it is one more than the one before.</summary>
internal sealed class Enumerator(string name, Position position, Constant? number)
{
    public string Name { get; } = name;

    public Position Position { get; } = position;

    public Constant? Number { get; } = number;

    public string CSharpName { get; set; } = name;

    public decimal Value { get; set; } = number?.Value ?? 0;

    /// <summary>As C has it: what is written in another way than in decimal may be the bits of a negative number.</summary>
    public static decimal? In32Bits(decimal? value, string text) =>
        value is > int.MaxValue and <= uint.MaxValue && (text[0] == '0' || !char.IsDigit(text[0])) ? (int)(uint)value.Value : value;
}

/// <summary>What holds members, and so may hold itself.</summary>
internal abstract class CompositeType(string name, Position position) : DefinedType(name, position)
{
    /// <summary>Whether it may stand within a value of itself in another way than as the next of a list.</summary>
    public bool IsRecursive { get; set; }

    /// <summary>What C# makes of it: class or record.</summary>
    public string Keyword { get; init; } = "record";

    /// <summary>The members of a struct; the discriminant and the arms of a union.</summary>
    public abstract IEnumerable<Declaration> Parts { get; }
}

internal sealed class StructType(string name, Position position, IReadOnlyList<Declaration> members) : CompositeType(name, position)
{
    public IReadOnlyList<Declaration> Members { get; } = members;

    /// <inheritdoc/>
    public override IEnumerable<Declaration> Parts => Members;

    /// <summary>What its view is called in C#.</summary>
    public string ViewName { get; set; } = name + "View";

    /// <summary>The last member, if it is a pointer to the next of a linked list.</summary>
    public Declaration? Next =>
        Members.Count > 0 && Members[Members.Count - 1] is { Type.Structure: OptionalType next } last && next.Element.Structure == this ? last : null;
}

internal sealed class UnionType(string name, Position position, Declaration discriminant, IReadOnlyList<UnionArm> arms)
    : CompositeType(name, position)
{
    public Declaration Discriminant { get; } = discriminant;

    public IReadOnlyList<UnionArm> Arms { get; } = arms;

    /// <inheritdoc/>
    public override IEnumerable<Declaration> Parts => Arms.Select(arm => arm.Declaration).OfType<Declaration>().Prepend(Discriminant);

    /// <summary>Whether there is an arm for all values that no other arm has.</summary>
    public bool HasDefault => Arms.Any(arm => arm.Cases.Count == 0);
}

/// <summary>An arm of a union. Without cases it is the default; without a declaration it is void.</summary>
internal sealed class UnionArm(IReadOnlyList<Constant> cases, Declaration? declaration)
{
    public IReadOnlyList<Constant> Cases { get; } = cases;

    public Declaration? Declaration { get; } = declaration;
}
