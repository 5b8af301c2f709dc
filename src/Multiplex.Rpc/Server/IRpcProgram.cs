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

    /// <summary>
    /// Its procedures, each under a number of its own. Read once, when an <see cref="RpcProtocol"/> is made. Procedure 0, which does nothing, need not be
    /// among them: every version has it.
    /// </summary>
    IReadOnlyList<ProcedureEntry> Procedures { get; }
}

/// <summary>What the server knows of one procedure: how it is run, and how its calls are treated.</summary>
/// <param name="number">See <see cref="Number"/>.</param>
/// <param name="handler">See <see cref="Handler"/>.</param>
public sealed class ProcedureEntry(uint number, ProcedureHandler handler)
{
    /// <summary>The number that calls name.</summary>
    public uint Number { get; } = number;

    /// <summary>The server stub.</summary>
    public ProcedureHandler Handler { get; } = handler;

    /// <summary>
    /// Whether a call may simply be run again when it is repeated. The repeats of other calls are answered from
    /// <see cref="RpcProtocol.Replies"/>. By default it is true of procedure 0 alone.
    /// </summary>
    public bool IsIdempotent { get; init; } = number == 0;

    /// <summary>
    /// Whether a call is known to take no longer than a few microseconds, whatever its arguments. Replies to such calls that came
    /// together are sent together. Any other is run alone: the replies before it leave first. A quick procedure that
    /// takes long delays the replies to calls that came with it. By default it is true of procedure 0 alone.
    /// </summary>
    public bool IsQuick { get; init; } = number == 0;

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
