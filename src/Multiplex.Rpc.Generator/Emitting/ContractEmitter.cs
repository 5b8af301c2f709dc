using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Emitting;

/// <summary>
/// The contract between clients and servers, an interface: what is made of a .x file, how the client stub implements it, and what serves the objects
/// that implement it.
/// </summary>
internal sealed class ContractEmitter(CodeWriter code, CSharpTypes types)
{
    private const string Context = "_context", Token = "_token";   // no argument is called so

    /// <summary>The interface as code names it.</summary>
    public static string NameOf(VersionDefinition version) => version.Contract ?? "I" + version.CSharpName;

    public void Contract(ProgramDefinition program, VersionDefinition version, bool withServer)
    {
        if (version.Contract is null)
            Interface(program, version);
        string name = NameOf(version);
        code.Gap();
        code.Summary($"How the contract of {version.Name} is called{(withServer ? " and served" : "")}.");
        code.Open($"internal static class {version.CSharpName}Contract");
        code.Line("[global::System.Runtime.CompilerServices.ModuleInitializer]");
        code.Open("internal static void Register()");
        code.Line($"RpcContracts.Register<{name}>(static client => new {version.CSharpName}Client(client));");
        if (withServer)
            code.Line($"RpcPrograms.Register<{name}>(static instances => new Served(instances));");
        code.Close();
        if (withServer)
            Served(version, name);
        code.Close();
    }

    /// <summary>The client stub's implementation of a procedure's method.</summary>
    public void Implementation(VersionDefinition version, ProcedureDefinition procedure)
    {
        ContractMethod method = procedure.Method;
        string arguments = string.Join(", ", procedure.Arguments.Select(one => one.CSharpName));
        string awaited = $"{procedure.CSharpName}Async({arguments}{(method.HasToken ? $"{(arguments.Length > 0 ? ", " : "")}cancellation: {Token}" : "")})";
        code.Gap();
        code.Line($"{Returned(procedure)} {NameOf(version)}.{MethodName(procedure)}({Parameters(procedure, withDefaults: false)})" + (procedure.IsOneWay ? "" : " =>"));
        if (procedure.IsOneWay)
        {
            code.Line("{");
            code.Indented($"{procedure.CSharpName}({arguments});");
            if (method.Returns != ContractReturn.Plain)
                code.Indented(method.Returns == ContractReturn.Task ? "return Task.CompletedTask;" : "return default;");
            code.Line("}");
            return;
        }

        code.Indented(method.Returns switch
        {
            ContractReturn.ValueTask => $"{awaited};",
            ContractReturn.Task => $"{awaited}.AsTask();",
            _ when method.HasToken => $"{awaited}.AsTask().GetAwaiter().GetResult();",
            _ => $"{procedure.CSharpName}({arguments});",
        });
    }

    private void Served(VersionDefinition version, string name)
    {
        code.Gap();
        code.Open($"private sealed class Served(RpcInstances<{name}> instances) : IRpcProgram");
        code.Line($"public uint Number => {version.CSharpName}.Program;");
        code.Gap();
        code.Line($"public uint Version => {version.CSharpName}.Version;");
        code.Gap();
        code.Line($"public string? Name => \"{version.CSharpName}\";");
        code.Gap();
        code.Open("public System.Collections.Generic.IReadOnlyList<ProcedureEntry> Procedures =>", "[");
        foreach (ProcedureDefinition procedure in version.Procedures)
            Entry(version, procedure);
        code.Close("];");
        code.Close();
    }

    private void Interface(ProgramDefinition program, VersionDefinition version)
    {
        code.Gap();
        code.Summary($"{version.Name} of {program.Name}, as a contract: RpcServer serves any class that implements it, and RpcClient.Create makes one that calls.");
        code.Open($"{version.Access} partial interface {NameOf(version)}");
        foreach (ProcedureDefinition procedure in version.Procedures)
        {
            code.Gap();
            code.Summary(procedure.IsOneWay ? $"{procedure.Name}, which has no reply." : procedure.Name);
            code.Line($"{Returned(procedure)} {MethodName(procedure)}({Parameters(procedure, withDefaults: true)});");
        }

        code.Close();
    }

    private void Entry(VersionDefinition version, ProcedureDefinition procedure)
    {
        ContractMethod method = procedure.Method;
        code.Open($"new((uint){version.CSharpName}Procedure.{procedure.CSharpName}, (in RpcCall call, ref XdrReader arguments, XdrWriter results, RpcInvocation invocation) =>");
        foreach (ContractParameter one in AllParameters(procedure).Where(one => one.Role == ContractRole.Argument))
        {
            Declaration argument = procedure.Arguments[one.Argument];
            Form form = one.IsSpan ? Form.Span : Form.Object;
            code.Line($"{types.Name(argument.Type, form)} {argument.CSharpName} = {types.Read(argument.Type, form, "arguments")};");
        }

        code.Line("if (!arguments.IsComplete)");
        code.Indented("return AcceptStatus.GarbageArguments;");
        bool isVoid = IsVoid(procedure.Result);
        string parameters = string.Join(", ", AllParameters(procedure).Select(one => one.Role switch
        {
            ContractRole.Context => $"invocation.Context({(procedure.IsTransactional && !isVoid ? $"in call, {Marshal(procedure)}" : "in call")})",
            ContractRole.Token => "invocation.Cancellation",
            _ => procedure.Arguments[one.Argument].CSharpName,
        }));
        string call = $"invocation.Enter(instances, in call).{MethodName(procedure)}({parameters})";
        if (method.Returns != ContractReturn.Plain)
        {
            code.Line($"return invocation.Await({call}{(isVoid ? "" : $", results, static (writer, value) => {types.Write(procedure.Result, "value")}")});");
        }
        else
        {
            Form form = method.ReturnsSpan ? Form.Span : Form.Object;
            code.Line(isVoid ? $"{call};" : $"{types.Name(procedure.Result, form)} result = {call};");
            if (!isVoid)
                code.Line($"{types.Write(procedure.Result, "result", form, "results")};");
            code.Line("return AcceptStatus.Success;");
        }

        code.Close($"}}) {{ Name = \"{procedure.CSharpName}\", IsIdempotent = {Literal(procedure.IsIdempotent)}, IsOneWay = {Literal(procedure.IsOneWay)}, "
            + (procedure.IsTransactional ? "IsTransactional = true, " : "")
            + $"IsQuick = {Literal(procedure.IsQuick)}, IsAsync = {Literal(method.Returns != ContractReturn.Plain || method.HasToken)} }},");
    }

    private string Marshal(ProcedureDefinition procedure) =>
        $"(XdrMarshal<{types.Name(procedure.Result, Form.Object)}>)(static (writer, value) => {types.Write(procedure.Result, "value")})";

    private string Returned(ProcedureDefinition procedure)
    {
        bool isVoid = IsVoid(procedure.Result);
        string result = types.Name(procedure.Result, procedure.Method.ReturnsSpan ? Form.Span : Form.Object);
        return procedure.Method.Returns == ContractReturn.Plain ? result : $"{procedure.Method.Returns}{(isVoid ? "" : $"<{result}>")}";
    }

    private string Parameters(ProcedureDefinition procedure, bool withDefaults) => string.Join(", ", AllParameters(procedure).Select(one => one.Role switch
    {
        ContractRole.Context => withDefaults ? "RpcContext? context = null" : $"RpcContext? {Context}",
        ContractRole.Token => withDefaults ? "CancellationToken cancellationToken = default" : $"CancellationToken {Token}",
        _ => $"{types.Name(procedure.Arguments[one.Argument].Type, one.IsSpan ? Form.Span : Form.Object)} {procedure.Arguments[one.Argument].CSharpName}",
    }));

    private static IEnumerable<ContractParameter> AllParameters(ProcedureDefinition procedure)
    {
        if (procedure.Method.Parameters is { } written)
            return written;
        IEnumerable<ContractParameter> all = procedure.Arguments.Select((_, i) => new ContractParameter(ContractRole.Argument, i));
        if (procedure.Method.HasContext)
            all = all.Append(new(ContractRole.Context));
        return procedure.Method.HasToken ? all.Append(new(ContractRole.Token)) : all;
    }

    private static string MethodName(ProcedureDefinition procedure) =>
        procedure.Method.Name ?? procedure.CSharpName + (procedure.Method.Returns == ContractReturn.Plain ? "" : "Async");

    private static bool IsVoid(XdrType type) => type.Structure is PrimitiveType { Kind: PrimitiveKind.Void };

    private static string Literal(bool value) => value ? "true" : "false";
}
