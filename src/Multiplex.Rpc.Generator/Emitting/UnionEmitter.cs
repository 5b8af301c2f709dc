using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Emitting;

/// <summary>Unions: a class with the discriminant and every arm, of which the discriminant tells the one that counts.</summary>
internal sealed class UnionEmitter(CodeWriter code, CSharpTypes types)
{
    /// <summary>A union, with its members; or, for a class whose members somebody else has written, what reads and writes them.</summary>
    public void Union(UnionType type, bool withMembers = true)
    {
        code.Gap();
        if (withMembers)
            code.Summary($"union {type.Name}: <see cref=\"{type.Discriminant.CSharpName}\"/> tells which member counts.");
        code.Open(withMembers ? $"public sealed partial class {type.CSharpName}" : $"partial class {type.CSharpName}");
        if (withMembers)
            Members(type);
        Reading(type);
        Writing(type);
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
        code.Line($"value.{discriminant} = {types.Read(type.Discriminant.Type)};");
        Switch(type, $"value.{discriminant}", arm => $"value.{arm.CSharpName} = {types.Read(arm.Type)};", "reader.Fail();");
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
        code.Line($"{types.Write(type.Discriminant.Type, discriminant)};");
        Switch(
            type,
            discriminant,
            arm => $"{types.Write(arm.Type, IsRequired(arm.Type) ? $"({arm.CSharpName} ?? throw XdrWriter.Missing(nameof({arm.CSharpName})))" : arm.CSharpName)};",
            $"throw XdrWriter.NoArm(nameof({type.CSharpName}), {discriminant});");
        code.Close();
    }

    private static bool IsRequired(XdrType type) => !CSharpTypes.IsValue(type) && type.Structure is not OptionalType;

    private void Switch(UnionType type, string discriminant, Func<Declaration, string> some, string otherwise)
    {
        code.Open($"switch ({discriminant})");
        foreach (UnionArm arm in type.Arms.OrderBy(arm => arm.Cases.Count == 0))
        {
            foreach (Constant one in arm.Cases)
                code.Line($"case {Label(type, one)}:");
            if (arm.Cases.Count == 0)
                code.Line("default:");
            if (arm.Declaration is not null)
                code.Indented(some(arm.Declaration));
            code.Indented("break;");
        }

        if (type.Arms.All(arm => arm.Cases.Count > 0))
        {
            code.Line("default:");
            code.Indented(otherwise);
            if (!otherwise.StartsWith("throw", StringComparison.Ordinal))
                code.Indented("break;");
        }

        code.Close();
    }

    private string Label(UnionType type, Constant one) => type.Discriminant.Type.Structure switch
    {
        EnumType values => $"{types.Qualified(values)}.{values.Members.First(member => member.Value == one.Value).CSharpName}",
        PrimitiveType { Kind: PrimitiveKind.Bool } => one.Value == 1 ? "true" : "false",
        _ => one.Value.ToString(),
    };
}
