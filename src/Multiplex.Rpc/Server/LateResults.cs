using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;

namespace Multiplex.Rpc.Server;

/// <summary>
/// The results of one call that come later: a <see cref="ProcedureHandler"/> of an idempotent procedure leaves it in <see cref="OutputBuffer.Late"/> of its results,
/// and returns success.
/// </summary>
public abstract class LateResults : LateReply
{
    private readonly bool _isRecord;
    private readonly uint _xid;

    /// <summary>Those of a call.</summary>
    protected LateResults(in RpcCall call) => (_isRecord, _xid) = (call.Peer.Kind.IsStream(), call.Xid);

    /// <summary>Begins the reply: the results are written behind its head.</summary>
    /// <param name="room">How many bytes they will need, about.</param>
    protected XdrWriter Begin(int room)
    {
        Reply = new(RecordMarking.HeaderLength + ReplyWriter.AcceptedLength + Math.Min(room, OutputBuffer.UsuallyKept));
        if (_isRecord)
            RecordMarking.Begin(Reply);
        ReplyWriter.Accepted(Reply, _xid, AcceptStatus.Success);
        return new(Reply);
    }

    /// <summary>The results are written: the reply can leave.</summary>
    protected void End()
    {
        if (_isRecord)
            RecordMarking.End(Reply, 0);
        Complete();
    }
}
