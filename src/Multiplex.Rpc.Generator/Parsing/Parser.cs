using Multiplex.Rpc.Generator.Emitting;
using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Parsing;

/// <summary>
/// Reads the RPC language: RFC 4506 section 6.3 and RFC 5531 section 12.2, with what rpcgen takes beyond them, and the namespaces of
/// xdrpp and the pragmas of Linux' xdrgen. Each method has the line of the grammar that it reads. A mistake is reported, and reading goes on with what
/// comes after it.
/// </summary>
internal sealed partial class Parser
{
    private readonly TokenStream _tokens;
    private readonly Specification _specification;
    private readonly ProblemList _problems;

    private Parser(TokenStream tokens, Specification specification, ProblemList problems) =>
        (_tokens, _specification, _problems) = (tokens, specification, problems);

    /// <summary>Reads the words of a file; the names in it are not bound yet.</summary>
    /// <param name="words">The words.</param>
    /// <param name="specification">Takes what is defined.</param>
    /// <param name="problems">Takes what is wrong.</param>
    public static void Parse(List<Token> words, Specification specification, ProblemList problems)
    {
        Parser parser = new(new(words), specification, problems);
        while (parser._tokens.Current.Kind != TokenKind.End)
            parser.DefinitionOrMistake();
    }

    private void DefinitionOrMistake(bool isWithin = false)
    {
        int start = _tokens.Taken;
        Token keyword = _tokens.Current, name = _tokens.Following;
        try
        {
            Definition();
        }
        catch (SyntaxException e)
        {
            Report(e);
            if (keyword.Kind == TokenKind.Identifier && name.Kind == TokenKind.Identifier)
                _specification.Broken.Add(name.Text);
            _tokens.SkipDefinition(start, isWithin);
        }
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
                Define(Enum(_tokens.ExpectName("of an enum")));
                break;
            case "struct":
                _tokens.Take();
                Define(Struct(_tokens.ExpectName("of a struct")));
                break;
            case "union":
                _tokens.Take();
                Define(Union(_tokens.ExpectName("of a union")));
                break;
            case "typedef":
                _tokens.Take();
                Typedef();
                break;
            case "program":
                _tokens.Take();
                Program();
                break;
            case "namespace":
                _tokens.Take();
                Namespace();
                return;
            case "package" or "pragma":
                while (!_tokens.Is(";") && _tokens.Current.Kind != TokenKind.End)
                    _tokens.Take();
                break;
            case ";" when _specification.Types.Count + _specification.Programs.Count > 0:   // one too many, as C takes it
                break;
            default:
                throw _tokens.Unexpected("a definition: const, enum, struct, union, typedef or program");
        }

        _tokens.Expect(";", "after a definition");
    }

    // xdrpp: "namespace" identifier ( "::" identifier )* "{" definition* "}" [ ";" ]. What names they have in C# is said elsewhere.
    private void Namespace()
    {
        do
            _tokens.ExpectName("of a namespace");
        while (_tokens.TryTake("::"));
        _tokens.Expect("{", "before the definitions of a namespace");
        while (!_tokens.Is("}") && _tokens.Current.Kind != TokenKind.End)
            DefinitionOrMistake(isWithin: true);
        _tokens.Expect("}", "after the definitions of a namespace");
        _tokens.TryTake(";");
    }

    // constant-def: "const" identifier "=" constant ";"
    private void ConstantDefinition()
    {
        Token name = _tokens.ExpectName("of a constant");
        _tokens.Expect("=", "after the name of a constant");
        bool isText = _tokens.Current.Kind == TokenKind.Text;
        string? text = isText ? _tokens.Take().Text : null;
        Constant? number = isText ? null : _tokens.ExpectConstant("the value");
        bool isSaidAgain = _specification.Constants.Any(one => one.Name == name.Text && one.Text == text && one.Number?.Text == number?.Text);
        if (!isSaidAgain)   // in the same words, as C takes it
            _specification.Constants.Add(new(name.Text, name.Position, number, text));
    }

    // type-def: "typedef" declaration ";"
    private void Typedef()
    {
        Declaration declaration = Declaration("of a typedef");
        string? target = (declaration.Type as NamedType)?.Name ?? (declaration.Type as DefinedType)?.Name;
        Hoist(declaration, "");
        if (declaration.Type is DefinedType || target == declaration.Name)
            return;   // typedef struct x x, as C writes it, says nothing
        string text = XDeclaration.Text(declaration);
        bool isSaidAgain = _specification.Types.OfType<TypedefType>().Any(one => one.Name == declaration.Name && XDeclaration.Text(one.Target, one.Name) == text);
        if (!isSaidAgain)
            _specification.Types.Add(new TypedefType(declaration.Name, declaration.Position, declaration.Type));
    }

    // enum-body: "{" ( identifier "=" value ) ( "," identifier "=" value )* "}"; rpcgen counts on where there is no value
    private EnumType Enum(Token name)
    {
        List<Enumerator> members = [];
        _tokens.Expect("{", "before the values of an enum");
        Body(",", () =>
        {
            Token member = _tokens.ExpectName("of a value of an enum");
            members.Add(new(member.Text, member.Position, _tokens.TryTake("=") ? _tokens.ExpectConstant("the value") : null));
            if (!_tokens.TryTake(",") && !_tokens.Is("}"))   // after the last one, too, as C takes it
                throw _tokens.Unexpected("'}' or ',' after a value of an enum");
        });
        return new(name.Text, name.Position, members);
    }

    // struct-body: "{" ( declaration ";" )* "}"
    private StructType Struct(Token name)
    {
        List<Declaration> members = [];
        _tokens.Expect("{", "before the members of a struct");
        if (!_tokens.TryTake("}"))
        {
            Body(";", () =>
            {
                members.Add(Declaration("of a member"));
                _tokens.Expect(";", "after a member");
            });
        }

        return new(name.Text, name.Position, members);
    }

    // union-body: "switch" "(" declaration ")" "{" case-spec case-spec* [ "default" ":" declaration ";" ] "}"
    private UnionType Union(Token name)
    {
        List<UnionArm> arms = [];
        _tokens.Expect("switch", "after the name of a union");
        _tokens.Expect("(", "before the discriminant of a union");
        Declaration discriminant = Declaration("of the discriminant");
        _tokens.Expect(")", "after the discriminant of a union");
        _tokens.Expect("{", "before the arms of a union");
        Body(";", () => arms.Add(Arm()));
        return new(name.Text, name.Position, discriminant, arms);
    }

    // case-spec: ( "case" value ":" ) ( "case" value ":" )* declaration ";"; rpcgen also takes "default" among them
    private UnionArm Arm()
    {
        List<Constant> cases = [];
        bool isDefault = false;
        while (true)
        {
            if (_tokens.TryTake("default"))
            {
                _tokens.Expect(":", "after 'default'");
                isDefault = true;
            }
            else if (_tokens.TryTake("case"))
            {
                cases.Add(_tokens.ExpectConstant("the value of a case"));
                _tokens.Expect(":", "after the value of a case");
            }
            else
            {
                break;
            }
        }

        if (cases.Count == 0 && !isDefault)
            throw _tokens.Unexpected("'case' or 'default', for an arm of a union");
        Declaration? declaration = _tokens.TryTake("void") ? null : Declaration("of an arm");
        _tokens.Expect(";", "after an arm of a union");
        return new(isDefault ? [] : cases, declaration);
    }

    // The parts of a body up to its end; a mistake in one does not hide those in others.
    private void Body(string separator, Action part)
    {
        do
        {
            if (_tokens.BeginsDefinition() && _tokens.HasBody)
                throw _tokens.Unexpected("'}' before a definition");
            try
            {
                part();
            }
            catch (SyntaxException e)
            {
                Report(e);
                if (!_tokens.SkipToNextPart(separator))
                    throw;
            }
        }
        while (!_tokens.TryTake("}"));
    }

    private void Report(SyntaxException e)
    {
        if (!e.IsReported)
            _problems.Report(ProblemKind.Syntax, e.Position, e.Message);
        e.IsReported = true;
    }
}
