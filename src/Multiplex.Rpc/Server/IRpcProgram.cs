using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Rpc.Server;

/// <summary>
/// One version of a remote program: a set of procedures under two numbers. A server may have several, also of one program.
/// One instance serves all threads.
/// </summary>
public interface IRpcProgram
{
    /// <summary>The program's number.</summary>
    uint Number { get; }

    /// <summary>The version of the program that this is.</summary>
    uint Version { get; }

    /// <summary>What it is called where calls are observed; null when it has no name.</summary>
    string? Name => null;

    /// <summary>
    /// Its procedures, each under a number of its own. Read once, when an <see cref="RpcProtocol"/> is made. Procedure 0, which does nothing, need not be
    /// among them: every version has it.
    /// </summary>
    IReadOnlyList<ProcedureEntry> Procedures { get; }
}

/// <summary>What the server knows of one procedure: how it is run, and how its calls are treated.</summary>
public sealed class ProcedureEntry
{
    private ProcedureEntry(uint number) => (Number, IsIdempotent, IsQuick) = (number, number == 0, number == 0);

    /// <summary>A procedure that reads its arguments from the receive buffer, and writes its results to the send buffer.</summary>
    /// <param name="number">See <see cref="Number"/>.</param>
    /// <param name="handler">See <see cref="Handler"/>.</param>
    public ProcedureEntry(uint number, ProcedureHandler handler)
        : this(number) => Handler = handler;

    /// <summary>A procedure of a contract.</summary>
    /// <param name="number">See <see cref="Number"/>.</param>
    /// <param name="handler">See <see cref="ContractHandler"/>.</param>
    public ProcedureEntry(uint number, ContractHandler handler)
        : this(number) => ContractHandler = handler;

    /// <summary>The number that calls name.</summary>
    public uint Number { get; }

    /// <summary>What it is called where calls are observed; null when it has no name.</summary>
    public string? Name { get; init; }

    /// <summary>The server stub; null of a procedure of a contract.</summary>
    public ProcedureHandler? Handler { get; }

    /// <summary>The server stub of a procedure of a contract; null of any other.</summary>
    public ContractHandler? ContractHandler { get; }

    /// <summary>
    /// Whether it may end after its stub has returned, or takes a token by which it is cancelled. It needs threads other than the one that
    /// received the call: models that fork refuse it.
    /// </summary>
    public bool IsAsync { get; init; }

    /// <summary>
    /// Whether a repeated call may be run again. The repeats of other calls are answered from
    /// <see cref="RpcProtocol.Replies"/>. By default it is true of procedure 0 alone.
    /// </summary>
    public bool IsIdempotent { get; init; }

    /// <summary>
    /// Whether it has no effect but in a transaction that records its reply, too: with <see cref="RpcProtocol.ReplyStore"/> a call whose server dies is then run again, and takes effect exactly once.
    /// Without a store it changes nothing.
    /// </summary>
    public bool IsTransactional { get; init; }

    /// <summary>
    /// Whether a call is known to take no longer than a few microseconds, whatever its arguments. Replies to such calls that came
    /// together are sent together. Any other is run alone: the replies before it leave first. A quick procedure that
    /// takes long delays the replies to calls that came with it. By default it is true of procedure 0 alone.
    /// </summary>
    public bool IsQuick { get; init; }

    /// <summary>Whether callers await no reply: none is sent when the call succeeds, as with batched calls in rpc(3).</summary>
    public bool IsOneWay { get; init; }

    /// <summary>
    /// The weakest credential of a call that is run: by default <see cref="AuthenticationFlavor.None"/>. With <see cref="AuthenticationFlavor.Sys"/> a call
    /// under AUTH_NONE gets AUTH_TOOWEAK. For what else an access depends on, see <see cref="RpcProtocol.Access"/>.
    /// </summary>
    public AuthenticationFlavor MinimumFlavor { get; init; }
}

/// <summary>The server stub of one procedure: unmarshals the arguments, runs the procedure, marshals the results.</summary>
/// <param name="call">The call, without its arguments.</param>
/// <param name="arguments">The arguments. All of them must be read, and nothing left over: else they are garbage.</param>
/// <param name="results">Receives the results; dropped unless the status is success.</param>
/// <returns>What the reply says; a handler may also throw an <see cref="RpcFault"/>.</returns>
public delegate AcceptStatus ProcedureHandler(in RpcCall call, ref XdrReader arguments, XdrWriter results);

/// <summary>The server stub of one procedure of a contract. It may return <see cref="RpcInvocation.Pending"/>.</summary>
/// <param name="call">The call, without its arguments. It must not be used any more once the stub has returned.</param>
/// <param name="arguments">The arguments. All of them must be read, and nothing left over: else they are garbage.</param>
/// <param name="results">Receives the results; dropped unless the status is success.</param>
/// <param name="invocation">What belongs to this call alone.</param>
/// <returns>What the reply says; a handler may also throw an <see cref="RpcFault"/>.</returns>
public delegate AcceptStatus ContractHandler(in RpcCall call, ref XdrReader arguments, XdrWriter results, RpcInvocation invocation);
