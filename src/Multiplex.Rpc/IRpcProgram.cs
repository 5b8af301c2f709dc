using Multiplex.Rpc.Xdr;

namespace Multiplex.Rpc;

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
    /// Whether a call of this procedure may simply be run again when it is repeated. The repeats of what is not idempotent are answered from
    /// <see cref="RpcProtocol.Replies"/>.
    /// </summary>
    bool IsIdempotent(uint procedure) => true;

    /// <summary>Whether <see cref="IsIdempotent"/> is true of all procedures, so that no memory need be set aside for replies. False is always safe.</summary>
    bool AreAllIdempotent => false;

    /// <summary>Whether callers of this procedure await no reply: none is sent when it succeeds, as with batched calls in rpc(3).</summary>
    bool IsOneWay(uint procedure) => false;

    /// <summary>
    /// Whether a call of this procedure is known to take no longer than a few microseconds, whatever its arguments. Replies to such calls that came
    /// together are sent together. Any other is run alone: the replies before it leave first. To say it of a procedure that may
    /// take long delays the replies of calls that came with it. By default it is true of procedure 0, which does nothing, alone.
    /// </summary>
    bool IsQuick(uint procedure) => procedure == 0;

    /// <summary>The server stub: unmarshals the arguments, runs the procedure, marshals the results.</summary>
    /// <param name="call">Which procedure, and who calls.</param>
    /// <param name="arguments">The arguments. All of them must be read, and nothing left over: else they are garbage.</param>
    /// <param name="results">Receives the results; dropped unless the status is success.</param>
    /// <returns>What the reply says; a program may also throw an <see cref="RpcFault"/>.</returns>
    AcceptStatus Call(in RpcCall call, ref XdrReader arguments, XdrWriter results);
}
