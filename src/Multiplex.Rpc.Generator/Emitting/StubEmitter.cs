using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Emitting;

/// <summary>A version of a program: its numbers, and what client and server share.</summary>
internal sealed class StubEmitter(CodeWriter code, CSharpTypes types)
{
    /// <summary>A version's numbers: an enum of its procedures, and a class of what a client calls.</summary>
    public void Numbers(ProgramDefinition program, VersionDefinition version)
    {
        string procedures = version.CSharpName + "Procedure";
        code.Enum(
            $"The procedures of {version.Name}, by their numbers.",
            $"{version.Access} enum {procedures} : uint",
            version.Procedures.Select(procedure => (procedure.Name, procedure.CSharpName, procedure.Number.Value ?? 0)));
        code.Gap();
        code.Summary($"{version.Name} of {program.Name}: its numbers.");
        code.Open($"{version.Access} static partial class {version.CSharpName}");
        code.Summary(program.Name);
        code.Line($"public const uint Program = {program.Number.Value};");
        code.Gap();
        code.Summary(version.Name);
        code.Line($"public const uint Version = {version.Number.Value};");
        foreach (ProcedureDefinition procedure in version.Procedures)
        {
            code.Gap();
            code.Summary(procedure.Name);
            code.Line($"public static RpcProcedure {procedure.CSharpName} => Of({procedures}.{procedure.CSharpName});");
        }

        string others = string.Join(" or ", version.Procedures.Where(one => !one.IsIdempotent).Select(one => $"{procedures}.{one.CSharpName}"));
        code.Gap();
        code.Summary("A procedure as a client calls it.");
        code.Line($"public static RpcProcedure Of({procedures} procedure) =>");
        code.Indented($"new(Program, Version, (uint)procedure, IsIdempotent: {(others.Length == 0 ? "true" : $"procedure is not ({others})")}) {{ Name = NameOf(procedure) }};");
        code.Gap();
        code.Open($"private static string? NameOf({procedures} procedure) => procedure switch");
        foreach (ProcedureDefinition procedure in version.Procedures)
            code.Line($"{procedures}.{procedure.CSharpName} => \"{version.CSharpName}.{procedure.CSharpName}\",");
        code.Line("_ => null,");
        code.Close("};");
        code.Close();
    }

    /// <summary>The client stub.</summary>
    public void Client(VersionDefinition version) => new ClientEmitter(code, types).Client(version);

    /// <summary>The server stub.</summary>
    public void Server(VersionDefinition version, bool withViews) => new ServerEmitter(code, types, withViews).Server(version);

    /// <summary>The contract, and what calls and serves it.</summary>
    public void Contract(ProgramDefinition program, VersionDefinition version, bool withServer) => new ContractEmitter(code, types).Contract(program, version, withServer);
}
