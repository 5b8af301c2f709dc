using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Parsing;

/// <summary>What names a value of a type.</summary>
internal sealed partial class Parser
{
    // declaration: type-specifier identifier | type-specifier identifier "[" value "]" | type-specifier identifier "<" [ value ] ">"
    //            | "opaque" identifier ... | "string" identifier "<" [ value ] ">" | type-specifier "*" identifier
    private Declaration Declaration(string of, string? within)
    {
        bool isOpaque = _tokens.TryTake("opaque"), isString = !isOpaque && _tokens.TryTake("string");
        Token first = _tokens.Current;
        XdrType? type = isOpaque || isString ? null : TypeSpecifier();
        bool isOptional = _tokens.TryTake("*");
        Token name = _tokens.ExpectName(of);
        XdrType declared = Dimensioned(type, isOpaque, isOptional);
        if (type is DefinedType { Name: "" } inline)
            declared = Named(inline, string.IsNullOrEmpty(within) ? name.Text : $"{within}_{name.Text}", declared);
        return declared is PrimitiveType { Kind: PrimitiveKind.Void }
            ? throw new SyntaxException(first.Position, $"'{name.Text}' cannot be void")
            : new(declared, name.Text, name.Position);
    }

    // What comes after the name of what is declared.
    private XdrType Dimensioned(XdrType? type, bool isOpaque, bool isOptional)
    {
        if (isOptional && type is not null)
            return new OptionalType(type);
        if (_tokens.TryTake("<"))
        {
            Constant? most = _tokens.Is(">") ? null : _tokens.ExpectConstant("the most that there may be");
            _tokens.Expect(">", "after the most that there may be");
            return type is not null ? new ArrayType(type, most, isFixed: false) : isOpaque ? new OpaqueType(most, isFixed: false) : new StringType(most);
        }

        if ((type is not null || isOpaque) && _tokens.TryTake("["))
        {
            Constant length = _tokens.ExpectConstant("the length");
            _tokens.Expect("]", "after the length");
            return type is not null ? new ArrayType(type, length, isFixed: true) : new OpaqueType(length, isFixed: true);
        }

        return type ?? throw _tokens.Unexpected(isOpaque ? "'[' or '<' after the name of opaque data" : "'<' after the name of a string");
    }

    // type-specifier: [ "unsigned" ] "int" | [ "unsigned" ] "hyper" | "float" | "double" | "quadruple" | "bool"
    //               | enum-type-spec | struct-type-spec | union-type-spec | identifier; rpcgen also takes long, short and char
    private XdrType TypeSpecifier()
    {
        Token first = _tokens.Take();
        switch (first.Text)
        {
            case "void":
                return PrimitiveType.Void;
            case "bool":
                return new PrimitiveType(PrimitiveKind.Bool);
            case "float":
                return new PrimitiveType(PrimitiveKind.Float);
            case "double":
                return new PrimitiveType(PrimitiveKind.Double);
            case "quadruple":
                throw new SyntaxException(first.Position, "quadruple is not supported: C# has no such type; write opaque name[16]");
            case "int" or "hyper" or "long" or "short" or "char":
                return Integer(first.Text, isUnsigned: false);
            case "unsigned":
                bool isNamed = _tokens.Current.Text is "int" or "hyper" or "long" or "short" or "char";
                return Integer(isNamed ? _tokens.Take().Text : "int", isUnsigned: true);
            case "struct" or "enum" or "union" when _tokens.Current.Kind == TokenKind.Identifier && !_tokens.Is("switch"):
                Token name = _tokens.Take();
                return new NamedType(name.Text, name.Position);
            case "enum":
                return Enum(new(TokenKind.Identifier, "", first.Position));
            case "struct":
                return Struct(new(TokenKind.Identifier, "", first.Position));
            case "union":
                return Union(new(TokenKind.Identifier, "", first.Position));
            default:
                if (first.Kind != TokenKind.Identifier || Keywords.Contains(first.Text))
                    throw new SyntaxException(first.Position, $"expected a type, found {first}");
                return new NamedType(first.Text, first.Position);
        }
    }

    // rpcgen also takes "long int" and "short int".
    private PrimitiveType Integer(string name, bool isUnsigned)
    {
        if (name is "long" or "short")
            _tokens.TryTake("int");
        return new(name switch
        {
            "char" => isUnsigned ? PrimitiveKind.UChar : PrimitiveKind.Char,
            "short" => isUnsigned ? PrimitiveKind.UShort : PrimitiveKind.Short,
            "hyper" => isUnsigned ? PrimitiveKind.UHyper : PrimitiveKind.Hyper,
            _ => isUnsigned ? PrimitiveKind.UInt : PrimitiveKind.Int,
        });
    }

    // A type that is defined where it is used gets the name of what it is used for.
    private XdrType Named(DefinedType inline, string name, XdrType declared)
    {
        DefinedType type = inline switch
        {
            EnumType one => new EnumType(name, one.Position, one.Members),
            StructType one => new StructType(name, one.Position, one.Members),
            _ => new UnionType(name, inline.Position, ((UnionType)inline).Discriminant, ((UnionType)inline).Arms),
        };
        _specification.Types.Add(type);
        return declared switch
        {
            OptionalType => new OptionalType(type),
            ArrayType array => new ArrayType(type, array.Length, array.IsFixed),
            _ => type,
        };
    }
}
