using System.Globalization;
using System.Text;
using Multiplex.Rpc.Generator.Model;
using Multiplex.Rpc.Generator.Parsing;

namespace Multiplex.Rpc.Generator.Emitting;

/// <summary>Makes the .x file of C# interfaces, for rpcgen and its peers: names as C has them, and a typedef for whatever needs a name there.</summary>
internal sealed class XEmitter
{
    private readonly StringBuilder _text = new();
    private readonly HashSet<string> _names = [];

    /// <summary>The file's text.</summary>
    /// <param name="types">The types, each after those that it holds.</param>
    /// <param name="programs">The programs; each with one version, of which those of the same number are put together.</param>
    public static string Emit(IEnumerable<DefinedType> types, IReadOnlyList<ProgramDefinition> programs)
    {
        XEmitter emitter = new();
        foreach (DefinedType type in types)
            emitter._names.Add(Name(type));
        foreach (DefinedType type in types)
            emitter.Type(type);
        foreach (IGrouping<decimal?, ProgramDefinition> program in programs.GroupBy(one => one.Number.Value))
            emitter.Program([.. program]);
        return emitter._text.ToString();
    }

    /// <summary>In snake case, as C has its names: MaxPayload becomes max_payload.</summary>
    public static string Snake(string name)
    {
        StringBuilder snake = new();
        for (int i = 0; i < name.Length; i++)
        {
            bool beginsWord = char.IsUpper(name[i]) && i > 0 && name[i - 1] != '_'
                && (!char.IsUpper(name[i - 1]) || (i + 1 < name.Length && char.IsLower(name[i + 1])));
            if (beginsWord)
                snake.Append('_');
            snake.Append(name[i] == '.' ? '_' : char.ToLowerInvariant(name[i]));
        }

        string result = snake.ToString().Replace("__", "_");
        return Keywords.Contains(result) || Naming.IsKeyword(result) ? result + "_" : result;
    }

    private static string Upper(string name) => Snake(name).TrimEnd('_').ToUpperInvariant();

    private static string Name(DefinedType type) => Snake(type.CSharpName);

    private void Type(DefinedType type)
    {
        StringBuilder text = new();
        switch (type)
        {
            case EnumType one:
                text.Append($"enum {Name(one)} {{\n");
                text.Append(string.Join(",\n", one.Members.Select(member => $"    {Upper(one.CSharpName)}_{Upper(member.Name)} = {member.Value}")));
                text.Append("\n};\n\n");
                break;
            case StructType one:
                text.Append($"struct {Name(one)} {{\n");
                foreach (Declaration member in one.Members)
                    text.Append($"    {Declare(member, Name(one))};\n");
                text.Append("};\n\n");
                break;
            case UnionType union:
                Union(union, text);
                break;
        }

        _text.Append(text);   // after the typedefs that its members needed
    }

    private void Union(UnionType union, StringBuilder text)
    {
        text.Append($"union {Name(union)} switch ({Declare(union.Discriminant, Name(union))}) {{\n");
        foreach (UnionArm arm in union.Arms.OrderBy(arm => arm.Cases.Count == 0))
        {
            foreach (Constant one in arm.Cases)
                text.Append($"case {Label(union, one)}:\n");
            if (arm.Cases.Count == 0)
                text.Append("default:\n");
            text.Append($"    {(arm.Declaration is null ? "void" : Declare(arm.Declaration, Name(union)))};\n");
        }

        text.Append("};\n\n");
    }

    private static string Label(UnionType union, Constant one) => union.Discriminant.Type switch
    {
        EnumType values => $"{Upper(values.CSharpName)}_{Upper(values.Members.First(member => member.Value == one.Value).Name)}",
        PrimitiveType { Kind: PrimitiveKind.Bool } => one.Value == 1 ? "TRUE" : "FALSE",
        _ => one.Text,
    };

    private string Declare(Declaration declaration, string owner) => Declare(declaration.Type, Snake(declaration.Name), $"{owner}_{Snake(declaration.Name)}");

    private string Declare(XdrType type, string name, string path) => type switch
    {
        OpaqueType or StringType => XDeclaration.Text(type, name),
        ArrayType array => XDeclaration.Text(new ArrayType(Named(array.Element, path + "_item"), array.Length, array.IsFixed), name),
        OptionalType { Element: CompositeType composite } => $"struct {Name(composite)} *{name}",   // C may not know it yet
        OptionalType optional => XDeclaration.Text(new OptionalType(Named(optional.Element, path + "_value")), name),
        _ => $"{XDeclaration.Specifier(Named(type, path))} {name}",
    };

    // A type as a name alone: what needs brackets or a star after its name is given a typedef.
    private XdrType Named(XdrType type, string path)
    {
        switch (type)
        {
            case PrimitiveType:
                return type;
            case DefinedType defined:
                return new NamedType(Name(defined), default);
            default:
                string name = path;
                for (int i = 2; !_names.Add(name); i++)
                    name = path + i.ToString(CultureInfo.InvariantCulture);
                string declared = Declare(type, name, path);
                _text.Append($"typedef {declared};\n\n");
                return new NamedType(name, default);
        }
    }

    private void Program(IReadOnlyList<ProgramDefinition> versions)
    {
        StringBuilder text = new();
        string name = Upper(versions[0].Name);
        text.Append($"program {name}_PROGRAM {{\n");
        foreach (VersionDefinition version in versions.SelectMany(program => program.Versions).OrderBy(version => version.Number.Value))
        {
            text.Append($"    version {name}_V{version.Number.Text} {{\n");
            foreach (ProcedureDefinition procedure in version.Procedures)
            {
                string path = $"{Snake(versions[0].Name)}_{Snake(procedure.Name).TrimEnd('_')}";
                string arguments = string.Join(", ", procedure.Arguments.Select(one => Specifier(one.Type, $"{path}_{Snake(one.Name)}")));
                text.Append($"        {Specifier(procedure.Result, path + "_result")} {path.ToUpperInvariant()}({(arguments.Length > 0 ? arguments : "void")}) = {procedure.Number.Text};\n");
            }

            text.Append($"    }} = {version.Number.Text};\n");
        }

        text.Append($"}} = 0x{(uint)(versions[0].Number.Value ?? 0):x};\n");
        _text.Append(text);
    }

    // As the result or the argument of a procedure; there a string without a bound needs no name.
    private string Specifier(XdrType type, string path) =>
        type is StringType { Length: null } ? "string" : XDeclaration.Specifier(Named(type, path));
}
