using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Emitting;

/// <summary>Declarations in the RPC language.</summary>
internal static class XDeclaration
{
    /// <summary>A declaration as it stands in a .x file, without its semicolon.</summary>
    public static string Text(Declaration declaration) => Text(declaration.Type, declaration.Name);

    public static string Text(XdrType type, string name) => type switch
    {
        OpaqueType opaque => $"opaque {name}{Dimension(opaque.Length, opaque.IsFixed)}",
        StringType text => $"string {name}{Dimension(text.Length, isFixed: false)}",
        ArrayType array => $"{Specifier(array.Element)} {name}{Dimension(array.Length, array.IsFixed)}",
        OptionalType optional => $"{Specifier(optional.Element)} *{name}",
        _ => $"{Specifier(type)} {name}",
    };

    /// <summary>A type that needs nothing after a name.</summary>
    public static string Specifier(XdrType type) => type switch
    {
        PrimitiveType primitive => Specifier(primitive.Kind),
        NamedType named => named.Name,
        DefinedType defined => defined.Name,
        StringType => "string",   // as the result or the argument of a procedure
        OptionalType optional => $"{Specifier(optional.Element)} *",
        _ => throw new InvalidOperationException($"{type} is no type-specifier"),
    };

    private static string Dimension(Constant? length, bool isFixed) => isFixed ? $"[{length?.Text}]" : $"<{length?.Text}>";

    private static string Specifier(PrimitiveKind kind) => kind switch
    {
        PrimitiveKind.Void => "void",
        PrimitiveKind.Int => "int",
        PrimitiveKind.UInt => "unsigned int",
        PrimitiveKind.Hyper => "hyper",
        PrimitiveKind.UHyper => "unsigned hyper",
        PrimitiveKind.Float => "float",
        PrimitiveKind.Double => "double",
        PrimitiveKind.Bool => "bool",
        PrimitiveKind.Char => "char",
        PrimitiveKind.UChar => "unsigned char",
        PrimitiveKind.Short => "short",
        _ => "unsigned short",
    };
}
