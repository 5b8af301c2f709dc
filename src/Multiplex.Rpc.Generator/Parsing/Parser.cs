using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Parsing;

/// <summary>
/// Reads the RPC language: RFC 4506 section 6.3 and RFC 5531 section 12.2, with what rpcgen takes beyond them. Each method has
/// the line of the grammar that it reads.
/// </summary>
internal sealed partial class Parser
{
    private readonly TokenStream _tokens;
    private readonly Specification _specification;

    private Parser(TokenStream tokens, Specification specification) => (_tokens, _specification) = (tokens, specification);

    /// <summary>Reads a file; the names in it are not bound yet.</summary>
    /// <param name="file">What messages call it.</param>
    /// <param name="text">Its text.</param>
    /// <param name="inclusions">The files that it names.</param>
    /// <exception cref="SyntaxException">It does not follow the grammar.</exception>
    public static Specification Parse(string file, string text, out List<Inclusion> inclusions)
    {
        Preprocessor preprocessor = Preprocessor.Run(file, text);
        inclusions = preprocessor.Inclusions;
        Specification specification = new(file);
        foreach (KeyValuePair<string, long> define in preprocessor.DefinesForC)
            specification.DefinesForC[define.Key] = define.Value;
        Parser parser = new(new(Lexer.Split(file, preprocessor.Text)), specification);
        while (parser._tokens.Current.Kind != TokenKind.End)
            parser.Definition();
        return specification;
    }

    // definition: type-def | constant-def | program-def
    private void Definition()
    {
        switch (_tokens.Current.Text)
        {
            case "const":
                _tokens.Take();
                ConstantDefinition();
                break;
            case "enum":
                _tokens.Take();
                _specification.Types.Add(Enum(_tokens.ExpectName("of an enum")));
                break;
            case "struct":
                _tokens.Take();
                _specification.Types.Add(Struct(_tokens.ExpectName("of a struct")));
                break;
            case "union":
                _tokens.Take();
                _specification.Types.Add(Union(_tokens.ExpectName("of a union")));
                break;
            case "typedef":
                _tokens.Take();
                Typedef();
                break;
            case "program":
                _tokens.Take();
                Program();
                break;
            case ";" when _specification.Types.Count + _specification.Programs.Count > 0:   // one too many, as C takes it
                break;
            default:
                throw _tokens.Unexpected("a definition: const, enum, struct, union, typedef or program");
        }

        _tokens.Expect(";", "after a definition");
    }

    // constant-def: "const" identifier "=" constant ";"
    private void ConstantDefinition()
    {
        Token name = _tokens.ExpectName("of a constant");
        _tokens.Expect("=", "after the name of a constant");
        if (_tokens.Current.Kind == TokenKind.Text)
            _specification.Constants.Add(new(name.Text, name.Position, null, _tokens.Take().Text));
        else
            _specification.Constants.Add(new(name.Text, name.Position, _tokens.ExpectConstant("the value"), null));
    }

    // type-def: "typedef" declaration ";"
    private void Typedef()
    {
        Declaration declaration = Declaration("of a typedef", null);
        string? target = (declaration.Type as NamedType)?.Name ?? (declaration.Type as DefinedType)?.Name;
        if (target != declaration.Name)   // typedef struct x x, as C writes it, says nothing
            _specification.Types.Add(new TypedefType(declaration.Name, declaration.Position, declaration.Type));
    }

    // enum-body: "{" ( identifier "=" value ) ( "," identifier "=" value )* "}"; rpcgen counts on where there is no value
    private EnumType Enum(Token name)
    {
        List<Enumerator> members = [];
        _tokens.Expect("{", "before the values of an enum");
        do
        {
            if (members.Count > 0 && _tokens.Is("}"))
                break;   // after a last comma, as C takes it
            Token member = _tokens.ExpectName("of a value of an enum");
            members.Add(new(member.Text, member.Position, _tokens.TryTake("=") ? _tokens.ExpectConstant("the value") : null));
        }
        while (_tokens.TryTake(","));
        _tokens.Expect("}", "or ',' after a value of an enum");
        return new(name.Text, name.Position, members);
    }

    // struct-body: "{" ( declaration ";" )* "}"
    private StructType Struct(Token name)
    {
        List<Declaration> members = [];
        _tokens.Expect("{", "before the members of a struct");
        while (!_tokens.TryTake("}"))
        {
            members.Add(Declaration("of a member", name.Text));
            _tokens.Expect(";", "after a member");
        }

        return new(name.Text, name.Position, members);
    }

    // union-body: "switch" "(" declaration ")" "{" case-spec case-spec* [ "default" ":" declaration ";" ] "}"
    private UnionType Union(Token name)
    {
        List<UnionArm> arms = [];
        _tokens.Expect("switch", "after the name of a union");
        _tokens.Expect("(", "before the discriminant of a union");
        Declaration discriminant = Declaration("of the discriminant", name.Text);
        _tokens.Expect(")", "after the discriminant of a union");
        _tokens.Expect("{", "before the arms of a union");
        while (!_tokens.TryTake("}"))
        {
            List<Constant> cases = [];
            if (_tokens.TryTake("default"))
            {
                _tokens.Expect(":", "after 'default'");
            }
            else
            {
                while (_tokens.TryTake("case"))
                {
                    cases.Add(_tokens.ExpectConstant("the value of a case"));
                    _tokens.Expect(":", "after the value of a case");
                }

                if (cases.Count == 0)
                    throw _tokens.Unexpected("'case' or 'default', for an arm of a union");
            }

            arms.Add(new(cases, _tokens.TryTake("void") ? null : Declaration("of an arm", name.Text)));
            _tokens.Expect(";", "after an arm of a union");
        }

        return new(name.Text, name.Position, discriminant, arms);
    }
}
