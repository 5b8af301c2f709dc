using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Parsing;

/// <summary>What can be called.</summary>
internal sealed partial class Parser
{
    // program-def: "program" identifier "{" version-def version-def* "}" "=" constant ";"
    private void Program()
    {
        Token name = _tokens.ExpectName("of a program");
        List<VersionDefinition> versions = [];
        _tokens.Expect("{", "before the versions of a program");
        Body(";", () => versions.Add(Version()));
        _tokens.Expect("=", "before the number of a program");
        _specification.Programs.Add(new(name.Text, name.Position, _tokens.ExpectConstant("the number of a program"), versions));
    }

    // version-def: "version" identifier "{" procedure-def procedure-def* "}" "=" constant ";"
    private VersionDefinition Version()
    {
        _tokens.Expect("version", "or '}' within a program");
        Token name = _tokens.ExpectName("of a version");
        List<ProcedureDefinition> procedures = [];
        _tokens.Expect("{", "before the procedures of a version");
        Body(";", () => procedures.Add(Procedure()));
        _tokens.Expect("=", "before the number of a version");
        Constant number = _tokens.ExpectConstant("the number of a version");
        _tokens.Expect(";", "after a version");
        return new(name.Text, name.Position, number, procedures);
    }

    // procedure-def: proc-return identifier "(" [ proc-firstarg ("," type-specifier )* ] ")" "=" constant ";"
    private ProcedureDefinition Procedure()
    {
        XdrType result = _tokens.TryTake("string") ? Text(null) : TypeSpecifier();
        Inlined(result);
        if (_tokens.TryTake("*"))
            result = new OptionalType(result);
        Token name = _tokens.ExpectName("of a procedure");
        List<Declaration> arguments = [];
        _tokens.Expect("(", "before the arguments of a procedure");
        if (!_tokens.TryTake(")"))
        {
            do
                arguments.Add(Argument(arguments.Count + 1));
            while (_tokens.TryTake(","));
            _tokens.Expect(")", "or ',' after an argument");
        }

        if (arguments.Count == 1 && arguments[0].Type is PrimitiveType { Kind: PrimitiveKind.Void })
            arguments.Clear();
        else if (arguments.Count == 1 && arguments[0] is { Name: "arg1" } only)
            arguments[0] = new(only.Type, "args", only.Position);
        _tokens.Expect("=", "before the number of a procedure");
        Constant number = _tokens.ExpectConstant("the number of a procedure");
        _tokens.Expect(";", "after a procedure");
        return new(name.Text, name.Position, number, result, arguments);
    }

    // type-specifier; with rpcgen -N also a declaration, so that the argument has a name
    private Declaration Argument(int number)
    {
        Position position = _tokens.Position;
        bool isOpaque = _tokens.TryTake("opaque"), isString = !isOpaque && _tokens.TryTake("string");
        XdrType? type = isOpaque || isString ? null : TypeSpecifier();
        Inlined(type);
        bool isOptional = _tokens.TryTake("*");
        string name = _tokens.Current.Kind == TokenKind.Identifier ? _tokens.Take().Text : $"arg{number}";
        bool isBare = isString && !_tokens.Is("<");   // a string without bounds needs none here
        return new(isBare ? Text(null) : Dimensioned(type, isOpaque, isOptional), name, position);
    }

    private static void Inlined(XdrType? type)
    {
        if (type is DefinedType { Name: "" } inline)
            throw new SyntaxException(inline.Position, "a type that is defined here has no name: define it before the program");
    }
}
