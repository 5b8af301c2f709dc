using System.Globalization;
using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Emitting;

/// <summary>
/// How a type of XDR stands in C#, and the expressions that read and write it. Opaque data are arrays, or spans where nothing is to be
/// allocated: there strings are spans of their UTF-8, and structs are views.
/// </summary>
/// <param name="space">The namespace of the code.</param>
/// <param name="members">What members are called there: a type of such a name must be qualified to be named in an expression.</param>
internal sealed class CSharpTypes(string space, HashSet<string> members)
{
    /// <summary>The type's name.</summary>
    public string Name(XdrType type, Form form = Form.Object) => Shape(type) switch
    {
        PrimitiveType primitive => Name(primitive.Kind),
        OpaqueType => form == Form.Object ? "byte[]" : "ReadOnlySpan<byte>",
        StringType => form == Form.View ? "ReadOnlySpan<byte>" : "string",
        ArrayType array => Name(array.Element) + "[]",
        OptionalType optional => IsNullable(optional) ? Name(optional.Element) + "?" : Name(optional.Element) + "[]",
        StructType one when form == Form.View => Qualified(one, one.ViewName),
        DefinedType defined => Qualified(defined),
        _ => throw new InvalidOperationException($"{type} has no name in C#"),
    };

    /// <summary>An expression that reads it from <c>reader</c>.</summary>
    public string Read(XdrType type, Form form = Form.Object, string reader = "reader")
    {
        switch (Shape(type))
        {
            case PrimitiveType primitive:
                return Read(primitive.Kind, reader);
            case OpaqueType opaque:
                string read = opaque.IsFixed ? $"{reader}.ReadFixedOpaque({Bound(opaque.Length)})" : $"{reader}.ReadOpaque({Bound(opaque.Length)})";
                return form == Form.Object ? read + ".ToArray()" : read;
            case StringType text:
                return form == Form.View ? $"{reader}.ReadOpaque({Bound(text.Length)})" : $"{reader}.ReadString({Bound(text.Length)})";
            case ArrayType array:
                return $"{reader}.Read{(array.IsFixed ? "Fixed" : "")}Array({Bound(array.Length)}, {LeastSize.Of(array.Element)}, {Reading(array.Element)})";
            case OptionalType optional when IsNullable(optional):
                return $"{reader}.ReadBool() ? {(IsValue(optional.Element) ? $"({Name(optional)})" : "")}{Read(optional.Element, reader: reader)} : null";
            case OptionalType optional:
                return $"{reader}.ReadArray(1, {LeastSize.Of(optional.Element)}, {Reading(optional.Element)})";
            case EnumType one:
                return $"({Qualified(one)}){reader}.{(IsRange(one, out string values) ? "ReadEnumOfRange" : "ReadEnum")}({values})";
            default:
                return $"{InExpression(Name(type, form))}.Read(ref {reader})";
        }
    }

    /// <summary>The same for a value that may be one that the type lacks: the discriminant of a union with a default arm.</summary>
    public string ReadOpen(XdrType type) => type.Structure is EnumType one ? $"({Qualified(one)})reader.ReadInt32()" : Read(type);

    /// <summary>An expression that writes a value of it to <c>writer</c>.</summary>
    public string Write(XdrType type, string value, Form form = Form.Object, string writer = "writer")
    {
        switch (Shape(type))
        {
            case PrimitiveType primitive:
                return Write(primitive.Kind, value, writer);
            case OpaqueType opaque:
                return $"{writer}.{(opaque.IsFixed ? "WriteFixedOpaque" : "WriteOpaque")}({value}, {Bound(opaque.Length)})";
            case StringType text:
                return $"{writer}.{(form == Form.View ? "WriteOpaque" : "WriteString")}({value}, {Bound(text.Length)})";
            case ArrayType array:
                return $"{writer}.{(array.IsFixed ? "WriteFixedArray" : "WriteArray")}({value}, {Bound(array.Length)}, {Writing(array.Element)})";
            case OptionalType optional when IsNullable(optional):
                return $"{writer}.WriteOptional({value}, {Writing(optional.Element)})";
            case OptionalType optional:
                return $"{writer}.WriteArray({value}, 1, {Writing(optional.Element)})";
            case EnumType one:
                return $"{writer}.{(IsRange(one, out string values) ? "WriteInt32" : "WriteEnum")}((int){value}, {values})";
            default:
                return $"{value}.Write({writer})";
        }
    }

    /// <summary>As <see cref="ReadOpen"/>.</summary>
    public string WriteOpen(XdrType type, string value) => type.Structure is EnumType ? $"writer.WriteInt32((int){value})" : Write(type, value);

    /// <summary>An expression that says whether two values of it are the same.</summary>
    public static string AreEqual(XdrType type, string left, string right) => Shape(type) switch
    {
        EnumType or StringType or PrimitiveType { Kind: not (PrimitiveKind.Float or PrimitiveKind.Double) } => $"{left} == {right}",
        _ => $"global::Multiplex.Rpc.Xdr.XdrValue.AreEqual({left}, {right})",
    };

    /// <summary>What a member of the type is at first, so that a new object can be written as it is; null when that needs no saying.</summary>
    public string? Initial(XdrType type) => Shape(type) switch
    {
        OpaqueType { IsFixed: true } opaque => $"new byte[{Bound(opaque.Length)}]",
        ArrayType { IsFixed: true } array when IsValue(array.Element) => $"new {Name(array.Element)}[{Bound(array.Length)}]",
        OpaqueType or ArrayType => "[]",
        StringType => "\"\"",
        OptionalType optional => IsNullable(optional) ? null : "[]",
        CompositeType => "new()",
        _ => null,
    };

    /// <summary>Whether it is a value in C#, and not a reference to one.</summary>
    public static bool IsValue(XdrType type) => type.Structure is PrimitiveType or EnumType;

    /// <summary>Whether null says that there is none: not of what may be null itself, which stands in an array of at most one.</summary>
    public static bool IsNullable(OptionalType optional) => optional.Element.Structure is not OptionalType;

    /// <summary>Whether a struct can be a view: nothing in it has to be allocated.</summary>
    public static bool CanBeView(XdrType type) =>
        type.Structure is StructType { Namespace: not Parsing.Keywords.HeadersNamespace } one
        && one.Members.All(member => member.Type.Structure is PrimitiveType or EnumType or OpaqueType or StringType || CanBeView(member.Type));

    /// <summary>A type by its name, with its namespace where that is another.</summary>
    public string Qualified(DefinedType type) => Qualified(type, type.CSharpName);

    /// <summary>A type's name as it can stand where a member could be meant.</summary>
    public string InExpression(string name) => members.Contains(name) ? $"global::{(space.Length > 0 ? space + "." : "")}{name}" : name;

    private string Qualified(DefinedType type, string name) =>
        type.Namespace == space || type.Namespace.Length == 0 ? name : $"global::{type.Namespace}.{name}";

    // What it is in C#: a string that is bytes is what opaque data are.
    private static XdrType Shape(XdrType type) =>
        type.Structure is StringType { IsBytes: true } text ? new OpaqueType(text.Length, isFixed: false) : type.Structure;

    /// <summary>A bound as a literal.</summary>
    public static string Bound(Constant? length) => length is null ? "int.MaxValue" : Text(length.Bound);

    private string Reading(XdrType type) => $"static (ref XdrReader reader) => {Read(type)}";

    private string Writing(XdrType type) => $"static (writer, value) => {Write(type, "value")}";

    private static bool IsRange(EnumType type, out string values)
    {
        List<decimal> all = [.. type.Members.Select(member => member.Value).Distinct().OrderBy(value => value)];
        bool isRange = all.Count > 0 && all[all.Count - 1] - all[0] == all.Count - 1;
        values = isRange ? $"{Text(all[0])}, {Text(all[all.Count - 1])}" : string.Join(", ", all.Select(Text));
        return isRange;
    }

    private static string Name(PrimitiveKind kind) => kind switch
    {
        PrimitiveKind.Void => "void",
        PrimitiveKind.Int => "int",
        PrimitiveKind.UInt => "uint",
        PrimitiveKind.Hyper => "long",
        PrimitiveKind.UHyper => "ulong",
        PrimitiveKind.Float => "float",
        PrimitiveKind.Double => "double",
        PrimitiveKind.Bool => "bool",
        PrimitiveKind.Char => "sbyte",
        PrimitiveKind.UChar => "byte",
        PrimitiveKind.Short => "short",
        _ => "ushort",
    };

    private static string Read(PrimitiveKind kind, string reader) => kind switch
    {
        PrimitiveKind.Int => $"{reader}.ReadInt32()",
        PrimitiveKind.UInt => $"{reader}.ReadUInt32()",
        PrimitiveKind.Hyper => $"{reader}.ReadInt64()",
        PrimitiveKind.UHyper => $"{reader}.ReadUInt64()",
        PrimitiveKind.Float => $"{reader}.ReadSingle()",
        PrimitiveKind.Double => $"{reader}.ReadDouble()",
        PrimitiveKind.Bool => $"{reader}.ReadBool()",
        PrimitiveKind.Char => $"(sbyte){reader}.ReadInt32(sbyte.MinValue, sbyte.MaxValue)",
        PrimitiveKind.UChar => $"(byte){reader}.ReadUInt32(byte.MaxValue)",
        PrimitiveKind.Short => $"(short){reader}.ReadInt32(short.MinValue, short.MaxValue)",
        PrimitiveKind.UShort => $"(ushort){reader}.ReadUInt32(ushort.MaxValue)",
        _ => throw new InvalidOperationException("void has no value"),
    };

    private static string Write(PrimitiveKind kind, string value, string writer) => kind switch
    {
        PrimitiveKind.Int or PrimitiveKind.Char or PrimitiveKind.Short => $"{writer}.WriteInt32({value})",
        PrimitiveKind.UInt or PrimitiveKind.UChar or PrimitiveKind.UShort => $"{writer}.WriteUInt32({value})",
        PrimitiveKind.Hyper => $"{writer}.WriteInt64({value})",
        PrimitiveKind.UHyper => $"{writer}.WriteUInt64({value})",
        PrimitiveKind.Float => $"{writer}.WriteSingle({value})",
        PrimitiveKind.Double => $"{writer}.WriteDouble({value})",
        PrimitiveKind.Bool => $"{writer}.WriteBool({value})",
        _ => throw new InvalidOperationException("void has no value"),
    };

    /// <summary>A number as a literal.</summary>
    public static string Text(decimal number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>In which form values stand in C#.</summary>
internal enum Form
{
    /// <summary>As objects that live as long as they are referred to.</summary>
    Object,

    /// <summary>Opaque data as a span over bytes owned elsewhere; otherwise as objects.</summary>
    Span,

    /// <summary>All data as spans, and structs as views, so that nothing is allocated.</summary>
    View,
}
