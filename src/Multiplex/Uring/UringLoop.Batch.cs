using Multiplex.Transports;
using static Multiplex.Interop.Libc;

namespace Multiplex.Uring;

/// <summary>How the loop sends: what became of a reply is known once the batch that it is in has been submitted.</summary>
internal sealed partial class UringLoop
{
    private List<UringConnection> _waiting = [];   // whose requests wait to be answered
    private List<UringConnection> _answering = [];
    private long _batchBegan;
    private bool _attention;   // something is to be done after the batch: do not wait

    // In the midst of a turn: sends what there is, and takes nothing more from the kernel before the turn is over.
    private void Flush() => SubmitBatch(null);

    // A reply does not wait for the calls of all others in its turn, if they take long: a tick of the clock is longer than a batch is worth.
    private void FlushIfLate()
    {
        if (_loan.Now == _batchBegan)
            return;
        _batchBegan = _loan.Now;
        if (_loan.Batch.Count > 0)
            Flush();
    }

    // Submits the batch, waits if it is to, and knows what has become of the batch: who has been sent all, and who owes.
    private unsafe void SubmitBatch(long? milliseconds)
    {
        SendBatch batch = _loan.Batch;
        fixed (byte* replies = batch.Replies.Written)
        {
            batch.Submit(_ring, replies);
            if (milliseconds is { } wait)
                _ring.SubmitAndWait(wait);
            else
                _ring.Submit();
        }

        _attention = false;
        if (batch.Count == 0)
            return;
        for (uint i = _ring.Head; i != _ring.Tail; i++)
        {
            ref io_uring_cqe completion = ref _ring.At(i);
            if (Token.OperationOf(completion.user_data) != Operation.Send)
                continue;
            OnFellShort(Token.IndexOf(completion.user_data), completion.res);
            completion.user_data = Token.Of(Operation.None, 0);
        }

        for (int i = 0; i < batch.Count; i++)
        {
            UringConnection connection = batch.ConnectionOf(i);
            connection.Queued = -1;
            Settle(connection);
        }

        batch.Clear();
    }

    private void OnFellShort(int index, int result)
    {
        UringConnection connection = _loan.Batch.ConnectionOf(index);
        if (result >= 0)
            connection.Owe(_loan.Batch.BytesOf(index)[result..]);
        else if (result is -EAGAIN or -EINTR)
            connection.Owe(_loan.Batch.BytesOf(index));
        else
            Break(connection);
    }

    // A connection has one send in a batch, which holds only so much.
    private void Prepare(UringConnection connection)
    {
        if (!_loan.Batch.HasRoomFor(connection, _service.Options.MaxPendingOutput))
            Flush();
    }

    private void AnswerWaiting(int stopRequests)
    {
        if (_waiting.Count == 0)
            return;

        // What is ready does not wait for calls that may take long.
        if (_loan.Batch.Count > 0)
            Flush();
        (_waiting, _answering) = (_answering, _waiting);
        foreach (UringConnection connection in _answering)
        {
            connection.IsListed = false;
            Prepare(connection);
            if (_stopRequests == stopRequests && _loan.Now < _drainDeadline && !connection.IsLeaving && connection.MayAnswer(_service.Options))
                AnswerWaiting(connection);

            Settle(connection);
            FlushIfLate();
        }

        _answering.Clear();
    }

    private void AnswerWaiting(UringConnection connection)
    {
        if (SocketState.HasFailed(connection.Descriptor))
        {
            Break(connection);
            return;
        }

        connection.AnswerWaiting(_loan);
        LetTimePass(connection);
    }
}
