using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Parsing;

/// <summary>What names a value of a type.</summary>
internal sealed partial class Parser
{
    // declaration: type-specifier identifier | type-specifier identifier "[" value "]" | type-specifier identifier "<" [ value ] ">"
    //            | "opaque" identifier ... | "string" identifier "<" [ value ] ">" | type-specifier "*" identifier
    private Declaration Declaration(string of)
    {
        bool isOpaque = _tokens.TryTake("opaque"), isString = !isOpaque && _tokens.TryTake("string");
        Token first = _tokens.Current;
        XdrType? type = isOpaque || isString ? null : TypeSpecifier();
        bool isOptional = _tokens.TryTake("*");
        Token name = _tokens.ExpectName(of);
        XdrType declared = Dimensioned(type, isOpaque, isOptional);
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
            return type is not null ? new ArrayType(type, most, isFixed: false) : isOpaque ? new OpaqueType(most, isFixed: false) : Text(most);
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
                return Tagged(first);
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

    // A type that is defined elsewhere; or here, with a name of its own, as in C.
    private NamedType Tagged(Token keyword)
    {
        Token name = _tokens.Take();
        if (keyword.Text == "enum" && _tokens.Is("{"))
            Define(Enum(name));
        else if (keyword.Text == "struct" && _tokens.Is("{"))
            Define(Struct(name));
        else if (keyword.Text == "union" && _tokens.Is("switch"))
            Define(Union(name));
        return new(name.Text, name.Position);
    }

    // rpcgen also takes "long int", "short int" and "hyper int".
    private PrimitiveType Integer(string name, bool isUnsigned)
    {
        if (name is "long" or "short" or "hyper")
            _tokens.TryTake("int");
        return new(name switch
        {
            "char" => isUnsigned ? PrimitiveKind.UChar : PrimitiveKind.Char,
            "short" => isUnsigned ? PrimitiveKind.UShort : PrimitiveKind.Short,
            "hyper" => isUnsigned ? PrimitiveKind.UHyper : PrimitiveKind.Hyper,
            _ => isUnsigned ? PrimitiveKind.UInt : PrimitiveKind.Int,
        });
    }

    private StringType Text(Constant? most) => new(most, _specification.StringsAreBytes);

    private void Define(CompositeType type)
    {
        HoistParts(type);
        _specification.Types.Add(type);
    }

    private void Define(EnumType type) => _specification.Types.Add(type);

    // A type that is defined where it is used gets the name of what it is used for, and of what that stands in.
    private void Hoist(Declaration declaration, string within)
    {
        XdrType type = declaration.Type is ArrayType array ? array.Element : declaration.Type is OptionalType optional ? optional.Element : declaration.Type;
        if (type is not DefinedType { Name: "" } inline)
            return;
        inline.Name = within.Length == 0 ? declaration.Name : $"{within}_{declaration.Name}";
        if (inline is CompositeType composite)
            HoistParts(composite);
        _specification.Types.Add(inline);
    }

    private void HoistParts(CompositeType type)
    {
        foreach (Declaration part in type.Parts)
            Hoist(part, type.Name);
    }
}
