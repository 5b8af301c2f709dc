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
        code.Line($"public bool IsIdempotent(uint procedure) => {name}.Of(({name}Procedure)procedure).IsIdempotent;");
        code.Gap();
        code.Line("/// <inheritdoc/>");
        code.Line($"public bool AreAllIdempotent => {(version.Procedures.All(one => one.IsIdempotent) ? "true" : "false")};");
        code.Gap();
        code.Line("/// <inheritdoc/>");
        code.Line("public virtual bool IsQuick(uint procedure) => procedure == 0;");
        Dispatch(version);
        foreach (ProcedureDefinition procedure in version.Procedures)
        {
            code.Gap();
            code.Summary(procedure.Name);
            code.Line($"protected abstract {Name(procedure.Result)} {procedure.CSharpName}(in RpcCall call{string.Concat(procedure.Arguments.Select(one => $", {Name(one.Type)} {one.CSharpName}"))});");
        }

        code.Close();
    }

    private void Dispatch(VersionDefinition version)
    {
        code.Gap();
        code.Line("/// <inheritdoc/>");
        code.Open("public AcceptStatus Call(in RpcCall call, ref XdrReader arguments, XdrWriter results)");
        code.Open($"switch (({version.CSharpName}Procedure)call.Procedure)");
        foreach (ProcedureDefinition procedure in version.Procedures)
        {
            code.Open($"case {version.CSharpName}Procedure.{procedure.CSharpName}:");
            Case(procedure);
            code.Close();
        }

        if (version.Procedures.All(procedure => procedure.Number.Value != 0))
        {
            code.Line("case 0:   // every version of every program has it, as a ping: RFC 5531 section 12.1");
            code.Indented("return arguments.IsComplete ? AcceptStatus.Success : AcceptStatus.GarbageArguments;");
        }

        code.Line("default:");
        code.Indented("return AcceptStatus.ProcedureUnavailable;");
        code.Close();
        code.Close();
    }

    private void Case(ProcedureDefinition procedure)
    {
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
    }

    private string Name(XdrType type) => types.Name(type, FormOf(type));

    private Form FormOf(XdrType type) => withViews && CSharpTypes.CanBeView(type) ? Form.View : Form.Span;
}
