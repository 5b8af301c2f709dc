using System.Buffers.Binary;
using Multiplex.Rpc;
using Multiplex.Rpc.Client;
using Multiplex.Rpc.Messages;

namespace Multiplex.Check.Calls;

/// <summary>The replies to a call that can be carried out, and to calls that cannot: RFC 5531 section 9.</summary>
internal sealed class AnswerChecks(CallExchange exchange)
{
    /// <summary>If this check fails, the others are skipped.</summary>
    public const string First = "null";

    private const uint Unknown = 0x7fff_fff1;   // no version, no procedure
    private const uint UnknownProgram = 0x3fff_fff1;   // of the range for users, section 13.1

    private static uint s_xid = (uint)Random.Shared.Next();   // a server may keep the replies to the xids of an earlier check

    private CheckedProgram Program => exchange.Program;

    public IReadOnlyList<ServerCheck> All =>
    [
        new(First, "procedure 0 is called", "a call is answered by a reply with its xid, which has SUCCESS and no results", "rpc", Null) { Needs = null },
        Check("unknown-program", "a program is called that no server has", "PROG_UNAVAIL", UnknownProgramIsRefused),
        Check("unknown-version", "a version of the program is called that no server has", "PROG_MISMATCH, with the lowest and highest version that the server has", UnknownVersionIsRefused),
        Check("unknown-procedure", "a procedure of the program is called that no server has", "PROC_UNAVAIL", UnknownProcedureIsRefused),
        Check("garbage-arguments", "a procedure that takes arguments is called without any", "GARBAGE_ARGS", GarbageIsRefused) with
        {
            CannotBeMade = Program.Procedure is null ? "it needs --procedure N, of a procedure that takes arguments" : null,
        },
        Check("rpc-version", "a call of RPC version 3", "MSG_DENIED, RPC_MISMATCH from 2 to 2", OtherRpcVersionIsRefused),
    ];

    private static ServerCheck Check(string name, string tried, string answer, Func<ServerUnderCheck, string> run) =>
        new(name, tried, $"RFC 5531 section 9 has an answer to each call that cannot be carried out; here {answer}", "rpc", run) { Needs = First };

    /// <summary>An xid that no earlier call had.</summary>
    public static uint NewXid() => Interlocked.Increment(ref s_xid);

    private string Null(ServerUnderCheck server)
    {
        using CallClient client = new(server);
        Reply reply = client.Call(exchange.Call(NewXid()));
        reply.AssertSuccess(client.Client);
        const int WithoutResults = 24;   // xid, REPLY, MSG_ACCEPTED, AUTH_NONE of no bytes, SUCCESS
        return reply.Bytes.Length == WithoutResults ? "SUCCESS" : throw client.Client.Fault($"the reply has {reply.Bytes.Length:N0} bytes, where one without results has {WithoutResults}");
    }

    private string UnknownProgramIsRefused(ServerUnderCheck server) =>
        AssertRefused<RpcProgramUnavailableException>(server, CallExchange.Call(NewXid(), new(UnknownProgram, Program.Version, 0)), "PROG_UNAVAIL");

    private string UnknownVersionIsRefused(ServerUnderCheck server) => AssertRefused<RpcProgramMismatchException>(
        server, CallExchange.Call(NewXid(), new RpcProcedure(Program.Program, Unknown, 0)), "PROG_MISMATCH",
        answer => answer.Low <= Program.Version && Program.Version <= answer.High ? null : $"PROG_MISMATCH has the versions {answer.Low} to {answer.High}, and version {Program.Version} is served");

    private string UnknownProcedureIsRefused(ServerUnderCheck server) =>
        AssertRefused<RpcProcedureUnavailableException>(server, exchange.Call(NewXid(), Unknown), "PROC_UNAVAIL");

    private string GarbageIsRefused(ServerUnderCheck server) =>
        AssertRefused<RpcGarbageArgumentsException>(server, exchange.Call(NewXid(), Program.Procedure!.Value), "GARBAGE_ARGS");

    private string OtherRpcVersionIsRefused(ServerUnderCheck server)
    {
        const int AtRpcVersion = 8;
        byte[] call = exchange.Call(NewXid());
        BinaryPrimitives.WriteUInt32BigEndian(call.AsSpan(AtRpcVersion), RpcConstants.RpcVersion + 1);
        return AssertRefused<RpcMismatchException>(server, call, "RPC_MISMATCH",
            answer => (answer.Low, answer.High) == (RpcConstants.RpcVersion, RpcConstants.RpcVersion) ? null : $"RPC_MISMATCH has the versions {answer.Low} to {answer.High}, and 2 is the only one");
    }

    // The call gets this answer, and the next call on the connection is answered.
    private string AssertRefused<T>(ServerUnderCheck server, byte[] call, string name, Func<T, string?>? whyWrong = null)
        where T : RpcException
    {
        using CallClient client = new(server);
        Reply reply = client.Call(call);
        if (reply.Failure is not T answer)
            throw client.Client.Fault($"the answer is {reply.Says}, not {name}");
        if (whyWrong?.Invoke(answer) is { } wrong)
            throw client.Client.Fault(wrong);
        client.Call(exchange.Call(NewXid())).AssertSuccess(client.Client);
        return $"{name}, and the next call is answered";
    }
}
