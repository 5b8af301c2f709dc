using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Emitting;

/// <summary>The server stub: an abstract class that unmarshals the arguments, calls the procedure, and marshals its results.</summary>
internal sealed class ServerEmitter(CodeWriter code, CSharpTypes types, bool withViews)
{
    public void Server(VersionDefinition version)
    {
        string name = version.CSharpName;
        code.Gap();
        code.Summary($"Serves {version.Name}: override its procedures. One object serves all threads.");
        code.Line("/// <remarks>Spans that a procedure is given or returns need not outlive the call.</remarks>");
        code.Open($"{version.Access} abstract partial class {name}Server : IRpcProgram");
        code.Line("/// <inheritdoc/>");
        code.Line($"public uint Number => {name}.Program;");
        code.Gap();
        code.Line("/// <inheritdoc/>");
        code.Line($"public uint Version => {name}.Version;");
        code.Gap();
        code.Line("/// <inheritdoc/>");
        code.Line($"string? IRpcProgram.Name => \"{name}\";");
        code.Gap();
        code.Summary("Whether a procedure is quick, as ProcedureEntry.IsQuick says. Asked once of each.");
        code.Line($"protected virtual bool IsQuick({name}Procedure procedure) => procedure == 0;");
        code.Gap();
        code.Summary("The weakest credential that a procedure takes, as ProcedureEntry.MinimumFlavor says. Asked once of each.");
        code.Line($"protected virtual AuthenticationFlavor MinimumFlavor({name}Procedure procedure) => AuthenticationFlavor.None;");
        Entries(version);
        foreach (ProcedureDefinition procedure in version.Procedures)
        {
            code.Gap();
            code.Summary(procedure.Name);
            code.Line($"protected abstract {Name(procedure.Result)} {procedure.CSharpName}(in RpcCall call{string.Concat(procedure.Arguments.Select(one => $", {Name(one.Type)} {one.CSharpName}"))});");
        }

        code.Close();
    }

    // One entry for each procedure, whose handler is the procedure's stub.
    private void Entries(VersionDefinition version)
    {
        code.Gap();
        code.Line("/// <inheritdoc/>");
        code.Open("public System.Collections.Generic.IReadOnlyList<ProcedureEntry> Procedures =>", "[");
        foreach (ProcedureDefinition procedure in version.Procedures)
            Entry($"{version.CSharpName}Procedure.{procedure.CSharpName}", procedure);
        code.Close("];");
    }

    private void Entry(string number, ProcedureDefinition procedure)
    {
        code.Open($"new((uint){number}, (in RpcCall call, ref XdrReader arguments, XdrWriter results) =>");
        foreach (Declaration argument in procedure.Arguments)
            code.Line($"{Name(argument.Type)} {argument.CSharpName} = {types.Read(argument.Type, FormOf(argument.Type), "arguments")};");
        code.Line("if (!arguments.IsComplete)");
        code.Indented("return AcceptStatus.GarbageArguments;");
        string call = $"{procedure.CSharpName}(in call{string.Concat(procedure.Arguments.Select(one => $", {one.CSharpName}"))})";
        if (procedure.Result.Structure is PrimitiveType { Kind: PrimitiveKind.Void })
        {
            code.Line($"{call};");
        }
        else
        {
            code.Line($"{Name(procedure.Result)} result = {call};");
            code.Line($"{types.Write(procedure.Result, "result", FormOf(procedure.Result), "results")};");
        }

        code.Line("return AcceptStatus.Success;");
        code.Close($"}}) {{ Name = \"{procedure.CSharpName}\", IsIdempotent = {(procedure.IsIdempotent ? "true" : "false")}{(procedure.IsOneWay ? ", IsOneWay = true" : "")}, IsQuick = IsQuick({number}), MinimumFlavor = MinimumFlavor({number}) }},");
    }

    private string Name(XdrType type) => types.Name(type, FormOf(type));

    private Form FormOf(XdrType type) => withViews && CSharpTypes.CanBeView(type) ? Form.View : Form.Span;
}
