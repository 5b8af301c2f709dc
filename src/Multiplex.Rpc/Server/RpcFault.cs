using System.Diagnostics.CodeAnalysis;
using Multiplex.Rpc.Messages;

namespace Multiplex.Rpc.Server;

/// <summary>
/// What a procedure throws to refuse a call: its caller gets the status, and no results. It is the ordinary way to say that an
/// argument is out of bounds, and is reported nowhere else.
/// </summary>
/// <param name="status">What the reply says: <see cref="AcceptStatus.GarbageArguments"/>, <see cref="AcceptStatus.ProcedureUnavailable"/>
/// or <see cref="AcceptStatus.SystemError"/>.</param>
[SuppressMessage("Naming", "CA1710", Justification = "a fault is what the field calls it, and what a procedure throws reads as a word")]
public sealed class RpcFault(AcceptStatus status) : Exception($"the call is refused: {status}")
{
    /// <summary>What the reply says.</summary>
    public AcceptStatus Status { get; } =
        status is AcceptStatus.GarbageArguments or AcceptStatus.ProcedureUnavailable or AcceptStatus.SystemError
            ? status
            : throw new ArgumentOutOfRangeException(nameof(status), status, "a procedure cannot refuse a call with this status");
}
