using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Emitting;

/// <summary>What makes a value of a struct or a union: that two with the same parts are equal, and that it can be read as text.</summary>
internal sealed class ValueEmitter(CodeWriter code)
{
    private const string Values = "global::Multiplex.Rpc.Xdr.XdrValue";

    /// <summary>Equality, a hash and text of a struct.</summary>
    public void Struct(StructType type)
    {
        if (type.Next is { } next)
        {
            List(type, next);
            return;
        }

        code.Gap();
        code.Summary("Whether all members are the same; those of arrays and lists are compared one by one.");
        code.Line($"public bool Equals({type.CSharpName}? other) => {AreEqual(type.Members)};");
        code.Gap();
        code.Line("/// <inheritdoc/>");
        code.Line($"public override int GetHashCode() => {Values}.HashOf({string.Join(", ", type.Members.Select(member => member.CSharpName))});");
        code.Gap();
        code.Summary("Its members, by their names.");
        code.Line($"public override string ToString() => {Text(type, type.Members)};");
    }

    /// <summary>Equality, a hash and text of a union: of the discriminant and the arm that it calls for.</summary>
    public void Union(UnionType type, Action<Func<Declaration, string>> switchArms)
    {
        string discriminant = type.Discriminant.CSharpName;
        code.Gap();
        code.Summary("Whether both have the same discriminant, and the arm that it calls for is the same.");
        code.Open($"public bool Equals({type.CSharpName}? other)");
        code.Line($"if (other is null || !({CSharpTypes.AreEqual(type.Discriminant.Type, discriminant, "other." + discriminant)}))");
        code.Indented("return false;");
        switchArms(arm => $"return {CSharpTypes.AreEqual(arm.Type, arm.CSharpName, "other." + arm.CSharpName)};");
        code.Line("return true;");
        code.Close();
        code.Gap();
        code.Line("/// <inheritdoc/>");
        code.Open("public override int GetHashCode()");
        switchArms(arm => $"return {Values}.HashOf({discriminant}, {arm.CSharpName});");
        code.Line($"return {Values}.HashOf({discriminant});");
        code.Close();
        code.Gap();
        code.Summary("The discriminant and the arm that it calls for, by their names.");
        code.Open("public override string ToString()");
        switchArms(arm => $"return {Text(type, [type.Discriminant, arm])};");
        code.Line($"return {Text(type, [type.Discriminant])};");
        code.Close();
    }

    // In loops, as a list is read and written.
    private void List(StructType type, Declaration next)
    {
        string name = type.CSharpName, enumerator = $"global::System.Collections.Generic.IEnumerator<{name}>";
        List<Declaration> own = [.. type.Members.Where(member => member != next)];
        code.Gap();
        code.Summary("This one and all that follow it.");
        code.Open($"public {enumerator} GetEnumerator()");
        code.Line($"for ({name}? one = this; one is not null; one = one.{next.CSharpName})");
        code.Indented("yield return one;");
        code.Close();
        code.Gap();
        code.Line("global::System.Collections.IEnumerator global::System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();");
        code.Gap();
        code.Summary("Whether both lists are as long, and their members the same one by one.");
        code.Open($"public bool Equals({name}? other)");
        code.Line($"{name}? one = this;");
        code.Line($"for (; one is not null && other is not null && !ReferenceEquals(one, other); (one, other) = (one.{next.CSharpName}, other.{next.CSharpName}))");
        code.Line("{");
        code.Indented("if (!one.EqualsOne(other))");
        code.Indented("    return false;");
        code.Line("}");
        code.Line("");
        code.Line("return ReferenceEquals(one, other);   // at the end of both, or where they are one list");
        code.Close();
        code.Gap();
        code.Line("/// <inheritdoc/>");
        code.Open("public override int GetHashCode()");
        code.Line("int hash = 0;");
        code.Line($"for ({name}? one = this; one is not null; one = one.{next.CSharpName})");
        code.Indented($"hash = {Values}.HashOf({string.Join(", ", own.Select(member => "one." + member.CSharpName).Prepend("hash"))});");
        code.Line("return hash;");
        code.Close();
        code.Gap();
        code.Summary("This one and those that follow it, each with its members by their names.");
        code.Line($"public override string ToString() => {Values}.TextOfList(this, static one => one.ToStringOne());");
        code.Gap();
        code.Line($"private bool EqualsOne({name} other) => {AreEqual(own)};");
        code.Gap();
        code.Line($"private string ToStringOne() => {Text(type, own)};");
    }

    private static string AreEqual(IReadOnlyList<Declaration> members) =>
        string.Join(" && ", members.Select(member => CSharpTypes.AreEqual(member.Type, member.CSharpName, "other." + member.CSharpName)).Prepend("other is not null"));

    private static string Text(DefinedType type, IEnumerable<Declaration> members) =>
        $"{Values}.TextOf({string.Join(", ", members.Select(member => $"(\"{member.CSharpName}\", {member.CSharpName})").Prepend($"\"{type.CSharpName}\""))})";
}
