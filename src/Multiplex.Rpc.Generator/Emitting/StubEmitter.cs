using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Emitting;

/// <summary>A version of a program: its numbers, and what client and server share.</summary>
internal sealed class StubEmitter(CodeWriter code, CSharpTypes types)
{
    /// <summary>The class with a version's numbers.</summary>
    public void Numbers(ProgramDefinition program, VersionDefinition version)
    {
        code.Gap();
        code.Summary($"{version.Name} of {program.Name}: its numbers.");
        code.Open($"public static partial class {version.CSharpName}");
        code.Summary($"{program.Name}");
        code.Line($"public const uint Program = {program.Number.Value};");
        code.Gap();
        code.Summary($"{version.Name}");
        code.Line($"public const uint Version = {version.Number.Value};");
        foreach (ProcedureDefinition procedure in version.Procedures)
        {
            code.Gap();
            code.Summary($"{procedure.Name}");
            code.Line($"public static RpcProcedure {procedure.CSharpName} => new(Program, Version, {procedure.Number.Value}, {(procedure.IsIdempotent ? "true" : "false")});");
        }

        code.Close();
    }

    /// <summary>The client stub.</summary>
    public void Client(VersionDefinition version) => new ClientEmitter(code, types).Client(version);

    /// <summary>The server stub.</summary>
    public void Server(VersionDefinition version, bool withViews) => new ServerEmitter(code, types, withViews).Server(version);

    /// <summary>The structs that servers see as views, with those in them.</summary>
    public static IEnumerable<StructType> Views(Specification specification)
    {
        HashSet<XdrType> seen = [];
        IEnumerable<ProcedureDefinition> procedures = specification.Programs.SelectMany(program => program.Versions).SelectMany(version => version.Procedures);
        foreach (XdrType type in procedures.SelectMany(one => one.Arguments.Select(argument => argument.Type).Concat([one.Result])))
        {
            foreach (StructType view in WithParts(type.Structure, seen))
                yield return view;
        }
    }

    private static IEnumerable<StructType> WithParts(XdrType type, HashSet<XdrType> seen)
    {
        if (!CSharpTypes.CanBeView(type) || !seen.Add(type))
            yield break;
        yield return (StructType)type;
        foreach (StructType part in ((StructType)type).Members.SelectMany(member => WithParts(member.Type.Structure, seen)))
            yield return part;
    }
}
