using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Emitting;

/// <summary>Unions: a record with the discriminant and every arm, of which the discriminant selects the one that counts.</summary>
internal sealed class UnionEmitter(CodeWriter code, CSharpTypes types)
{
    /// <summary>A union, with its members; or, for a class whose members are written by hand, the code that reads and writes them.</summary>
    public void Union(UnionType type, bool withMembers = true)
    {
        code.Gap();
        if (withMembers)
            code.Summary($"union {type.Name}: <see cref=\"{type.Discriminant.CSharpName}\"/> tells which member counts.");
        code.Open(withMembers ? $"public sealed partial record {type.CSharpName}" : $"partial {type.Keyword} {type.CSharpName}");
        if (withMembers)
            Members(type);
        Reading(type);
        Writing(type);
        if (withMembers)
        {
            Matching(type);
            new ValueEmitter(code).Union(type, some => Switch(type, type.Discriminant.CSharpName, some, ""));
        }

        code.Close();
    }

    private void Members(UnionType type)
    {
        code.Summary($"<c>{XDeclaration.Text(type.Discriminant)}</c>");
        code.Line($"public {types.Name(type.Discriminant.Type)} {type.Discriminant.CSharpName} {{ get; set; }}{First(type)}");
        foreach (UnionArm arm in type.Arms.Where(arm => arm.Declaration is not null))
        {
            Declaration member = arm.Declaration!;
            string name = types.Name(member.Type);
            bool isBare = !CSharpTypes.IsValue(member.Type) && member.Type.Structure is not OptionalType;
            code.Gap();
            code.Summary($"<c>{XDeclaration.Text(member).Replace("<", "&lt;").Replace(">", "&gt;")}</c>, for {Cases(arm)}");
            string initial = member.Type.Structure is OptionalType ? types.Initial(member.Type) is { } value ? $" = {value};" : "" : "";
            code.Line($"public {name}{(isBare ? "?" : "")} {member.CSharpName} {{ get; set; }}{initial}");
        }
    }

    // A new union is to be one that can be written, where an arm without a value allows it.
    private string First(UnionType type)
    {
        UnionArm? arm = type.Arms.FirstOrDefault(one => one.Cases.Count > 0 && one.Declaration is null);
        return arm is null || type.Discriminant.Type.Structure is not EnumType ? "" : $" = {Label(type, arm.Cases[0])};";
    }

    private static string Cases(UnionArm arm) => arm.Cases.Count == 0 ? "all else" : string.Join(", ", arm.Cases.Select(one => one.Text));

    private void Reading(UnionType type)
    {
        code.Gap();
        code.Summary("Reads one; <see cref=\"XdrReader.HasFailed\"/> tells whether it makes sense.");
        code.Open($"public static {type.CSharpName} Read(ref XdrReader reader)");
        code.Line($"{type.CSharpName} value = new();");
        if (type.IsRecursive)
        {
            code.Line("if (!reader.TryEnter())");
            code.Indented("return value;");
        }

        string discriminant = type.Discriminant.CSharpName;
        code.Line($"value.{discriminant} = {(type.HasDefault ? types.ReadOpen(type.Discriminant.Type) : types.Read(type.Discriminant.Type))};");
        Switch(type, $"value.{discriminant}", arm => $"value.{arm.CSharpName} = {types.Read(arm.Type)};", $"reader.Fail(\"the discriminant of union {type.Name} calls for no arm\");");
        if (type.IsRecursive)
            code.Line("reader.Leave();");
        code.Line("return value;");
        code.Close();
    }

    private void Writing(UnionType type)
    {
        string discriminant = type.Discriminant.CSharpName;
        code.Gap();
        code.Summary("Writes it; throws an <see cref=\"System.ArgumentException\"/> when a part of it is out of bounds or not set.");
        code.Open("public void Write(XdrWriter writer)");
        if (type.IsRecursive)
            code.Line("writer = writer.Enter();");
        code.Line($"{(type.HasDefault ? types.WriteOpen(type.Discriminant.Type, discriminant) : types.Write(type.Discriminant.Type, discriminant))};");
        Switch(
            type,
            discriminant,
            arm => $"{types.Write(arm.Type, IsRequired(arm.Type) ? $"({arm.CSharpName} ?? throw new global::System.ArgumentException({NotSet(type, arm)}))" : arm.CSharpName)};",
            $"throw new global::System.ArgumentException({NoArm(type)});");
        code.Close();
    }

    private void Matching(UnionType type)
    {
        HashSet<string> taken = ["this"];
        List<(UnionArm Arm, string Name)> arms = [.. type.Arms.Select(arm => (arm, Naming.Unique(NameOf(type, arm), taken)))];
        string parameters = string.Join(", ", arms.Select(one =>
            $"global::System.Func<{(one.Arm.Declaration is null ? "" : types.Name(one.Arm.Declaration.Type) + ", ")}TResult> {one.Name}"));
        code.Gap();
        code.Summary("What is made of the arm that the discriminant calls for: one function for each arm, in their order.");
        code.Line("/// <exception cref=\"System.InvalidOperationException\">The discriminant calls for no arm, or for one that is not set.</exception>");
        code.Open($"public TResult Match<TResult>({parameters})");
        code.Open($"switch ({type.Discriminant.CSharpName})");
        foreach ((UnionArm arm, string name) in arms.OrderBy(one => one.Arm.Cases.Count == 0))
        {
            Labels(type, arm);
            Declaration? member = arm.Declaration;
            string value = member is null ? ""
                : IsRequired(member.Type) ? $"{member.CSharpName} ?? throw new global::System.InvalidOperationException({NotSet(type, member)})"
                : member.CSharpName;
            code.Indented($"return {name}({value});");
        }

        if (!type.HasDefault)
        {
            code.Line("default:");
            code.Indented($"throw new global::System.InvalidOperationException({NoArm(type)});");
        }

        code.Close();
        code.Close();
    }

    // What the function for an arm is called: after its member, or what calls for it.
    private static string NameOf(UnionType type, UnionArm arm)
    {
        if (arm.Declaration is not null)
            return Naming.Camel(arm.Declaration.CSharpName);
        if (arm.Cases.Count == 0)
            return "otherwise";
        decimal value = arm.Cases[0].Value ?? 0;
        return type.Discriminant.Type.Structure switch
        {
            EnumType values => Naming.Camel(values.Members.First(member => member.Value == value).CSharpName),
            PrimitiveType { Kind: PrimitiveKind.Bool } => value == 1 ? "whenTrue" : "whenFalse",
            _ => $"case{CSharpTypes.Text(value).Replace("-", "Minus")}",
        };
    }

    private static string NotSet(UnionType type, Declaration arm) =>
        $"$\"{arm.CSharpName} of {type.CSharpName} is not set, which {type.Discriminant.CSharpName} = {{{type.Discriminant.CSharpName}}} calls for\"";

    private static string NoArm(UnionType type) => $"$\"{type.CSharpName} has no arm for {type.Discriminant.CSharpName} = {{{type.Discriminant.CSharpName}}}\"";

    private static bool IsRequired(XdrType type) => !CSharpTypes.IsValue(type) && type.Structure is not OptionalType;

    private void Switch(UnionType type, string discriminant, Func<Declaration, string> some, string otherwise)
    {
        code.Open($"switch ({discriminant})");
        foreach (UnionArm arm in type.Arms.OrderBy(arm => arm.Cases.Count == 0))
        {
            Labels(type, arm);
            if (arm.Declaration is not null)
                code.Indented(some(arm.Declaration));
            if (arm.Declaration is null || !some(arm.Declaration).StartsWith("return", StringComparison.Ordinal))
                code.Indented("break;");
        }

        if (!type.HasDefault && otherwise.Length > 0)
        {
            code.Line("default:");
            code.Indented(otherwise);
            if (!otherwise.StartsWith("throw", StringComparison.Ordinal))
                code.Indented("break;");
        }

        code.Close();
    }

    private void Labels(UnionType type, UnionArm arm)
    {
        foreach (Constant one in arm.Cases)
            code.Line($"case {Label(type, one)}:");
        if (arm.Cases.Count == 0)
            code.Line("default:");
    }

    private string Label(UnionType type, Constant one) => type.Discriminant.Type.Structure switch
    {
        EnumType values => $"{types.InExpression(types.Qualified(values))}.{values.Members.First(member => member.Value == one.Value).CSharpName}",
        PrimitiveType { Kind: PrimitiveKind.Bool } => one.Value == 1 ? "true" : "false",
        _ => CSharpTypes.Text(one.Value ?? 0),
    };
}
