using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Emitting;

/// <summary>The client stub: a class whose methods marshal their arguments, call, and unmarshal the results.</summary>
internal sealed class ClientEmitter(CodeWriter code, CSharpTypes types)
{
    public void Client(VersionDefinition version)
    {
        code.Gap();
        code.Summary($"Calls the procedures of {version.Name}.");
        code.Line("/// <param name=\"client\">The connection; the stub does not dispose of it.</param>");
        code.Open($"{version.Access} sealed partial class {version.CSharpName}Client(RpcClient client) : {ContractEmitter.NameOf(version)}");
        ContractEmitter contract = new(code, types);
        foreach (ProcedureDefinition procedure in version.Procedures)
        {
            if (procedure.IsOneWay)
                Posts(version, procedure);
            else
                Calls(version, procedure);
            contract.Implementation(version, procedure);
        }

        foreach (ProcedureDefinition procedure in version.Procedures)
            Halves(procedure);
        if (version.Procedures.Any(one => one.Arguments.Count == 0))
        {
            code.Gap();
            code.Summary("Marshals the arguments of a procedure that has none.");
            code.Open("public static void WriteNothing(XdrWriter writer, byte nothing)");
            code.Close();
        }

        code.Close();
    }

    private void Calls(VersionDefinition version, ProcedureDefinition procedure)
    {
        bool isVoid = IsVoid(procedure.Result);
        string parameters = string.Concat(procedure.Arguments.Select(one => $"{types.Name(one.Type, Form.Span)} {one.CSharpName}, "));
        string result = types.Name(procedure.Result);
        string call = $"<{ArgumentType(procedure)}{(isVoid ? "" : $", {result}")}>({version.CSharpName}.{procedure.CSharpName}, {Arguments(procedure)}, "
            + $"{Writer(procedure)}, {(isVoid ? "" : $"Read{procedure.CSharpName}, ")}options";
        code.Gap();
        code.Summary($"Calls {procedure.Name} and waits for its results.");
        code.Line($"public {result} {procedure.CSharpName}({parameters}RpcCallOptions? options = null) =>");
        code.Indented($"client.Call{call});");
        code.Gap();
        code.Summary($"Calls {procedure.Name}. The arguments are marshalled before this returns.");
        code.Line($"public ValueTask{(isVoid ? "" : $"<{result}>")} {procedure.CSharpName}Async({parameters}RpcCallOptions? options = null, CancellationToken cancellation = default) =>");
        code.Indented($"client.CallAsync{call}, cancellation);");
    }

    private void Posts(VersionDefinition version, ProcedureDefinition procedure)
    {
        string parameters = string.Join(", ", procedure.Arguments.Select(one => $"{types.Name(one.Type, Form.Span)} {one.CSharpName}"));
        string call = $"<{ArgumentType(procedure)}>({version.CSharpName}.{procedure.CSharpName}, {Arguments(procedure)}, {Writer(procedure)});";
        code.Gap();
        code.Summary($"Sends a call of {procedure.Name} at once and does not wait: nothing reports whether it is run.");
        code.Line($"public void {procedure.CSharpName}({parameters}) =>");
        code.Indented($"client.OneWay{call}");
        code.Gap();
        code.Summary($"The same, but kept until RpcClient.Flush, the next other call, or 64 KiB of such calls: RFC 5531 section 7.4.1.");
        code.Line($"public void {procedure.CSharpName}Batched({parameters}) =>");
        code.Indented($"client.Batch{call}");
    }

    // They are public for calls of other kinds, such as broadcast ones.
    private void Halves(ProcedureDefinition procedure)
    {
        string name = procedure.CSharpName;
        if (procedure.Arguments.Count > 0)
        {
            code.Gap();
            code.Summary($"Marshals the arguments of {procedure.Name}.");
        }

        if (procedure.Arguments.Count == 1)
        {
            Declaration only = procedure.Arguments[0];
            code.Line($"public static void Write{name}(XdrWriter writer, {types.Name(only.Type, Form.Span)} value) => {types.Write(only.Type, "value", Form.Span)};");
        }
        else if (procedure.Arguments.Count > 1)
        {
            code.Open($"public static void Write{name}(XdrWriter writer, {name}Arguments value)");
            foreach (Declaration argument in procedure.Arguments)
                code.Line($"{types.Write(argument.Type, $"value.{argument.CSharpName}", Form.Span)};");
            code.Close();
            code.Gap();
            code.Summary($"The arguments of {procedure.Name}.");
            code.Open($"public ref struct {name}Arguments");
            foreach (Declaration argument in procedure.Arguments)
                code.Line($"public required {types.Name(argument.Type, Form.Span)} {argument.CSharpName};");
            code.Close();
        }

        if (!IsVoid(procedure.Result))
        {
            code.Gap();
            code.Summary($"Unmarshals the results of {procedure.Name}.");
            code.Line($"public static {types.Name(procedure.Result)} Read{name}(ref XdrReader reader) => {types.Read(procedure.Result)};");
        }
    }

    private string ArgumentType(ProcedureDefinition procedure) => procedure.Arguments.Count switch
    {
        0 => "byte",
        1 => types.Name(procedure.Arguments[0].Type, Form.Span),
        _ => procedure.CSharpName + "Arguments",
    };

    private static string Writer(ProcedureDefinition procedure) => procedure.Arguments.Count == 0 ? "WriteNothing" : "Write" + procedure.CSharpName;

    private static string Arguments(ProcedureDefinition procedure) => procedure.Arguments.Count switch
    {
        0 => "0",
        1 => procedure.Arguments[0].CSharpName,
        _ => $"new() {{ {string.Join(", ", procedure.Arguments.Select(one => $"{one.CSharpName} = {one.CSharpName}"))} }}",
    };

    private static bool IsVoid(XdrType type) => type.Structure is PrimitiveType { Kind: PrimitiveKind.Void };
}
