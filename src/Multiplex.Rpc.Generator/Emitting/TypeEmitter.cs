using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Emitting;

/// <summary>Types: an enum for an enum, a record for a struct or a union, with what reads and writes it.</summary>
internal sealed class TypeEmitter(CodeWriter code, CSharpTypes types)
{
    public void Enum(EnumType type) => code.Enum(
        $"enum {type.Name}",
        $"public enum {type.CSharpName}",
        type.Members.Select(member => (member.Name, member.CSharpName, member.Value)));

    /// <summary>A struct, with its members; or, for a class whose members are written by hand, the code that reads and writes them.</summary>
    public void Struct(StructType type, bool withMembers = true)
    {
        code.Gap();
        if (withMembers)
            code.Summary($"struct {type.Name}");
        string list = type.Next is null ? "" : $" : global::System.Collections.Generic.IEnumerable<{type.CSharpName}>";
        code.Open(withMembers ? $"public sealed partial record {type.CSharpName}{list}" : $"partial {type.Keyword} {type.CSharpName}");
        if (withMembers)
        {
            foreach (Declaration member in type.Members)
                Property(member, types.Name(member.Type), types.Initial(member.Type));
        }

        if (type.Next is { } next)
        {
            List(type, next);
        }
        else
        {
            Reading(type, "public", "Read", type.Members);
            Writing(type, "public", "Write", type.Members);
        }

        if (withMembers)
            new ValueEmitter(code).Struct(type);

        code.Close();
    }

    /// <summary>A struct over received bytes, of which nothing is allocated.</summary>
    public void View(StructType type)
    {
        string name = type.ViewName;
        code.Gap();
        code.Summary($"struct {type.Name} as a view: its data are spans over bytes that somebody else keeps, its strings are UTF-8 that nobody has checked.");
        code.Open($"public ref partial struct {name}");
        foreach (Declaration member in type.Members)
            Property(member, types.Name(member.Type, Form.View), null);
        code.Gap();
        code.Summary("The same as a view. Strings are encoded, which allocates.");
        code.Open($"public static implicit operator {name}({type.CSharpName} value) => new()");
        foreach (Declaration member in type.Members)
        {
            string value = $"value.{member.CSharpName}";
            code.Line($"{member.CSharpName} = {(member.Type.Structure is StringType { IsBytes: false } ? $"global::Multiplex.Rpc.Xdr.XdrText.GetBytes({value})" : value)},");
        }

        code.Close("};");
        ReadingInto(name, type.Members, Form.View);
        WritingOf("public readonly void Write", type.Members, Form.View, isRecursive: false);
        code.Close();
    }

    private void Property(Declaration member, string type, string? initial)
    {
        code.Gap();
        code.Summary($"<c>{XDeclaration.Text(member).Replace("<", "&lt;").Replace(">", "&gt;")}</c>");
        code.Line($"public {type} {member.CSharpName} {{ get; set; }}{(initial is null ? "" : $" = {initial};")}");
    }

    private void Reading(StructType type, string access, string name, IReadOnlyList<Declaration> members)
    {
        code.Gap();
        if (access == "public")
            code.Summary("Reads one; <see cref=\"XdrReader.HasFailed\"/> tells whether it makes sense.");
        code.Open($"{access} static {type.CSharpName} {name}(ref XdrReader reader)");
        code.Line($"{type.CSharpName} value = new();");
        Enter(type);
        foreach (Declaration member in members)
            code.Line($"value.{member.CSharpName} = {types.Read(member.Type)};");
        if (type.IsRecursive)
            code.Line("reader.Leave();");
        code.Line("return value;");
        code.Close();
    }

    private void Enter(CompositeType type)
    {
        if (!type.IsRecursive)
            return;
        code.Line("if (!reader.TryEnter())");
        code.Indented("return value;");
    }

    private void ReadingInto(string name, IReadOnlyList<Declaration> members, Form form)
    {
        code.Gap();
        code.Summary("Reads one; <see cref=\"XdrReader.HasFailed\"/> tells whether it makes sense.");
        code.Open($"public static {name} Read(scoped ref XdrReader reader)");
        code.Line($"{name} value = new();");
        foreach (Declaration member in members)
            code.Line($"value.{member.CSharpName} = {types.Read(member.Type, form)};");
        code.Line("return value;");
        code.Close();
    }

    private void Writing(StructType type, string access, string name, IReadOnlyList<Declaration> members) =>
        WritingOf($"{access} void {name}", members, Form.Object, type.IsRecursive);

    private void WritingOf(string method, IReadOnlyList<Declaration> members, Form form, bool isRecursive)
    {
        code.Gap();
        if (method.StartsWith("public", StringComparison.Ordinal))
            code.Summary("Writes it; throws an <see cref=\"System.ArgumentException\"/> when a part of it is out of bounds.");
        code.Open($"{method}(XdrWriter writer)");
        if (isRecursive)
            code.Line("writer = writer.Enter();");
        foreach (Declaration member in members)
            code.Line($"{types.Write(member.Type, member.CSharpName, form)};");
        code.Close();
    }

    // A linked list is read and written in a loop, so that its length costs no stack.
    private void List(StructType type, Declaration next)
    {
        string name = type.CSharpName;
        code.Gap();
        code.Summary("Reads one and all that follow it; <see cref=\"XdrReader.HasFailed\"/> tells whether they make sense.");
        code.Open($"public static {name} Read(ref XdrReader reader)");
        code.Line($"{name} first = ReadOne(ref reader), last = first;");
        code.Line("while (reader.ReadBool())");
        code.Indented($"last = last.{next.CSharpName} = ReadOne(ref reader);");
        code.Line("return first;");
        code.Close();
        code.Gap();
        code.Summary("Writes it and all that follow it; throws an <see cref=\"System.ArgumentException\"/> when a part is out of bounds.");
        code.Open("public void Write(XdrWriter writer)");
        code.Open($"for ({name}? one = this; one is not null; one = one.{next.CSharpName})");
        code.Line("one.WriteOne(writer);");
        code.Line($"writer.WriteBool(one.{next.CSharpName} is not null);");
        code.Close();
        code.Close();
        List<Declaration> members = [.. type.Members.Take(type.Members.Count - 1)];
        Reading(type, "private", "ReadOne", members);
        Writing(type, "private", "WriteOne", members);
    }
}
