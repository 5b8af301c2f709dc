using System.Globalization;
using System.Text;
using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator;

/// <summary>Gives everything that a .x file names its name in C#: in Pascal case, unlike all others beside it.</summary>
internal static class Naming
{
    // What generated code itself names, or what C# lets no member be called.
    private static readonly string[] s_types =
        ["RpcClient", "RpcCall", "RpcCallOptions", "RpcProcedure", "RpcContext", "RpcContracts", "RpcPrograms", "RpcInstances", "RpcInvocation", "IRpcProgram", "ProcedureEntry", "AuthenticationFlavor", "AcceptStatus", "XdrReader", "XdrWriter", "ValueTask", "CancellationToken", "ReadOnlySpan"];

    private static readonly string[] s_objectMembers = ["Equals", "GetHashCode", "GetType", "ToString", "MemberwiseClone", "Finalize", "ReferenceEquals"];

    private static readonly string[] s_members =
    [
        .. s_objectMembers, "Read", "Write", "ReadOne", "WriteOne", "EqualsOne", "ToStringOne", "GetEnumerator", "Match", "Clone", "EqualityContract", "PrintMembers",
    ];

    private static readonly string[] s_stubMembers = ["Program", "Version", "Number", "Procedures", "IsQuick", "MinimumFlavor", "Of", "WriteNothing"];

    private static readonly string[] s_procedures = [.. s_objectMembers, .. s_stubMembers];

    private static readonly HashSet<string> s_keywords =
    [
        "abstract", "as", "base", "bool", "break", "byte", "case", "catch", "char", "checked", "class", "const", "continue", "decimal",
        "default", "delegate", "do", "double", "else", "enum", "event", "explicit", "extern", "false", "finally", "fixed", "float", "for",
        "foreach", "goto", "if", "implicit", "in", "int", "interface", "internal", "is", "lock", "long", "namespace", "new", "null",
        "object", "operator", "out", "override", "params", "private", "protected", "public", "readonly", "ref", "return", "sbyte",
        "sealed", "short", "sizeof", "stackalloc", "static", "string", "struct", "switch", "this", "throw", "true", "try", "typeof",
        "uint", "ulong", "unchecked", "unsafe", "ushort", "using", "virtual", "void", "volatile", "while",
    ];

    /// <summary>Names all of a specification.</summary>
    /// <param name="specification">The specification.</param>
    /// <param name="space">The namespace that its types are to stand in.</param>
    public static void Name(Specification specification, string space)
    {
        HashSet<string> types = [.. s_types];
        TakeImported(specification, space, types, []);
        specification.ConstantsName = Unique(Pascal(Path.GetFileNameWithoutExtension(specification.File)) + "Constants", types);
        foreach (DefinedType type in specification.Types.Where(type => type is not TypedefType))
        {
            type.CSharpName = Unique(Pascal(type.Name), types);
            type.Namespace = space;
            NameMembers(type);
        }

        foreach (StructType type in specification.Types.OfType<StructType>())
            type.ViewName = Unique(type.CSharpName + "View", types);
        HashSet<string> constants = [.. s_objectMembers, specification.ConstantsName];
        foreach (ConstantDefinition constant in specification.Constants)
            constant.CSharpName = Unique(Pascal(constant.Name), constants);
        foreach (VersionDefinition version in specification.Programs.SelectMany(program => program.Versions))
            NameVersion(version, types);
    }

    /// <summary>In Pascal case: MAX_PAYLOAD and max_payload become MaxPayload, what has both cases keeps them.</summary>
    public static string Pascal(string name)
    {
        StringBuilder result = new();
        foreach (string word in name.Split(['_', '-', '.', ' '], StringSplitOptions.RemoveEmptyEntries))
        {
            string rest = word.Substring(1);
            result.Append(char.ToUpperInvariant(word[0])).Append(word.Any(char.IsLower) ? rest : rest.ToLowerInvariant());
        }

        return result.Length == 0 || char.IsDigit(result[0]) ? "_" + result : result.ToString();
    }

    /// <summary>In camel case, for arguments.</summary>
    public static string Camel(string name)
    {
        string pascal = Pascal(name);
        int upper = pascal.TakeWhile(char.IsUpper).Count();
        if (upper > 1 && upper < pascal.Length && char.IsLower(pascal[upper]))
            upper--;   // which begins the next word
        string camel = pascal.Substring(0, upper).ToLowerInvariant() + pascal.Substring(upper);
        bool isTaken = camel is "call" or "options" or "cancellation" or "client" or "arguments" or "results" or "result";
        return isTaken ? camel + "Value" : s_keywords.Contains(camel) ? "@" + camel : camel;
    }

    /// <summary>Whether the stubs of a version call something else by the name of this procedure.</summary>
    public static bool IsTaken(string procedure, string version, IEnumerable<string> procedures) =>
        s_stubMembers.Contains(procedure) || StubsOf(version).Contains(procedure) || procedures.SelectMany(MembersOf).Contains(procedure);

    /// <summary>Whether C# keeps the word for itself.</summary>
    public static bool IsKeyword(string word) => s_keywords.Contains(word);

    // What the files that it includes have made of the same namespace.
    private static void TakeImported(Specification specification, string space, HashSet<string> types, HashSet<Specification> seen)
    {
        foreach (Specification import in specification.Imports.Where(seen.Add))
        {
            foreach (DefinedType type in import.Types.Where(type => type is not TypedefType && type.Namespace == space))
                types.UnionWith(type is StructType one ? [one.CSharpName, one.ViewName] : [type.CSharpName]);
            foreach (VersionDefinition version in import.Programs.SelectMany(program => program.Versions))
                types.UnionWith(StubsOf(version.CSharpName));
            if (import.Constants.Count > 0)
                types.Add(import.ConstantsName);
            TakeImported(import, space, types, seen);
        }
    }

    private static void NameMembers(DefinedType type)
    {
        HashSet<string> members = [.. s_members, type.CSharpName];
        if (type is EnumType one)
        {
            members = [];
            int prefix = CommonPrefix([.. one.Members.Select(member => member.Name)]);
            foreach (Enumerator member in one.Members)
                member.CSharpName = Unique(Pascal(member.Name.Substring(prefix)), members);
        }

        foreach (Declaration declaration in (type as CompositeType)?.Parts ?? [])
            declaration.CSharpName = Unique(Pascal(declaration.Name), members);
    }

    private static void NameVersion(VersionDefinition version, HashSet<string> types)
    {
        string name = Pascal(version.Name);
        while (StubsOf(name).Any(types.Contains))
            name += "Version";
        version.CSharpName = name;
        types.UnionWith(StubsOf(name));

        HashSet<string> procedures = [.. s_procedures, .. StubsOf(name)];
        int prefix = CommonPrefix([.. version.Procedures.Select(procedure => procedure.Name)]);
        foreach (ProcedureDefinition procedure in version.Procedures)
        {
            string usual = Pascal(procedure.Name.Substring(prefix));
            procedure.CSharpName = Unique(MembersOf(usual).Any(procedures.Contains) ? usual + "Value" : usual, procedures);
            procedures.UnionWith(MembersOf(procedure.CSharpName));
            HashSet<string> arguments = [];
            foreach (Declaration argument in procedure.Arguments)
                argument.CSharpName = Unique(Camel(argument.Name), arguments);
        }
    }

    private static string[] StubsOf(string version) => [version, version + "Procedure", version + "Client", version + "Server", version + "Contract", "I" + version];

    // What a client stub has beside a procedure; a method with the name of one of its halves differs in its arguments.
    private static string[] MembersOf(string procedure) => [procedure + "Async", procedure + "Arguments", procedure + "Batched"];

    // How long the beginning is that all names share, up to and with an underscore; a single name shares its own.
    private static int CommonPrefix(string[] names)
    {
        if (names.Length == 0)
            return 0;
        int length = names.Min(name => name.Length) - 1;
        while (length > 0 && (names[0][length - 1] != '_' || names.Any(name => string.CompareOrdinal(name, 0, names[0], 0, length) != 0)))
            length--;
        return names.Any(name => !char.IsLetter(name[length])) ? 0 : length;
    }

    /// <summary>The name, or one made of it that is not taken; it is then.</summary>
    public static string Unique(string name, HashSet<string> taken)
    {
        string unique = name;
        if (taken.Contains(unique))
            unique += "Value";
        for (int i = 2; !taken.Add(unique); i++)
            unique = name + i.ToString(CultureInfo.InvariantCulture);
        return unique;
    }
}
