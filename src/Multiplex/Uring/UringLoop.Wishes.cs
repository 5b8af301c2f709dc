using Multiplex.Transports;
using static Multiplex.Interop.Libc;

namespace Multiplex.Uring;

/// <summary>What the loop asks of the kernel for a connection, as its state demands: to receive, to send what is owed, to give up.</summary>
internal sealed partial class UringLoop
{
    // After anything that has happened to a connection: ends it, or sees that what it waits for is under way.
    private void Settle(UringConnection connection)
    {
        if (connection.Queued >= 0)
        {
            _attention |= connection.AwaitsBatch;
            return;
        }

        if (connection.IsLeaving)
            Release(connection);
        else if (connection.IsDone && (_drainDeadline == long.MaxValue || IsDelivered(connection)))
            Leave(connection);
        else
            Watch(connection);
    }

    // What the peer acknowledges has moved, as what it takes.
    private bool IsDelivered(UringConnection connection)
    {
        int outstanding = TcpDrain.Outstanding(connection.Descriptor, connection.Kind);
        if (outstanding < connection.Outstanding)
            (connection.Outstanding, connection.LastMoved) = (outstanding, _loan.Now);
        return outstanding == 0;
    }

    private void Watch(UringConnection connection)
    {
        CountMemory(connection, connection.Memory);
        connection.NoteThrottling(_loan);
        bool wantsInput = !_isStopping && connection.WantsInput(_service.Options);
        if (wantsInput && !connection.IsReceiving)
            Receive(connection);
        else if (connection.IsReceiving && !connection.IsReceiveCancelled && (!wantsInput || (connection.WantsInPlace && !connection.IsReceivingInPlace)))
            CancelReceive(connection);
        if (connection.Owed > 0 && !connection.IsSending)
            SendOwed(connection);
        if (!connection.IsListed && !_loan.Gathers && connection.MayAnswer(_service.Options))
        {
            connection.IsListed = true;
            _waiting.Add(connection);
        }
    }

    // One operation for all that is ever received, or one for what has come of a long request.
    private unsafe void Receive(UringConnection connection)
    {
        connection.IsReceiving = true;
        _receiving++;
        ref io_uring_sqe entry = ref _ring.Next();
        entry.opcode = IORING_OP_RECV;
        entry.fd = connection.Descriptor;
        entry.user_data = Token.Of(Operation.Receive, connection.Descriptor);
        if (connection.WantsInPlace)
        {
            entry.addr = (ulong)connection.BeginInPlace(out int room);
            entry.len = (uint)room;
        }
        else
        {
            entry.flags = IOSQE_BUFFER_SELECT;
            entry.ioprio = IORING_RECV_MULTISHOT;
        }
    }

    // Until the receive has ended, what it brought is kept.
    private void CancelReceive(UringConnection connection)
    {
        connection.IsReceiveCancelled = true;
        ref io_uring_sqe entry = ref _ring.Next();
        entry.opcode = IORING_OP_ASYNC_CANCEL;
        entry.addr = Token.Of(Operation.Receive, connection.Descriptor);
    }

    // Unlike the sends of the batch this one waits until the peer takes something.
    private unsafe void SendOwed(UringConnection connection)
    {
        connection.IsSending = true;
        byte* bytes = connection.Flight(out int length);
        ref io_uring_sqe entry = ref _ring.Next();
        entry.opcode = IORING_OP_SEND;
        entry.fd = connection.Descriptor;
        entry.addr = (ulong)bytes;
        entry.len = (uint)length;
        entry.msg_flags = MSG_NOSIGNAL;
        entry.user_data = Token.Of(Operation.SendOwed, connection.Descriptor);
    }

    private void AwaitStop()
    {
        ref io_uring_sqe entry = ref _ring.Next();
        entry.opcode = IORING_OP_POLL_ADD;
        entry.fd = _service.Stop.Descriptor;
        entry.poll32_events = (uint)POLLIN;
        entry.user_data = Token.Of(Operation.Stop, 0);
    }

    private void Break(UringConnection connection)
    {
        if (connection.IsLeaving)
            return;
        _service.Counters.Increment(Counter.Broken);
        Leave(connection);
    }

    // An operation holds on to its socket: the peer sees the end only when none is under way any more.
    private void Leave(UringConnection connection)
    {
        connection.IsLeaving = true;
        _attention |= connection.Queued >= 0;
        if ((connection.IsReceiving || connection.IsSending) && !connection.IsAbandoned)
        {
            connection.IsAbandoned = true;
            ref io_uring_sqe entry = ref _ring.Next();
            entry.opcode = IORING_OP_ASYNC_CANCEL;
            entry.fd = connection.Descriptor;
            entry.cancel_flags = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL;
        }

        Release(connection);
    }

    private void Release(UringConnection connection)
    {
        bool isReleased = _connections[connection.Descriptor] != connection;
        if (isReleased || connection.IsReceiving || connection.IsSending || connection.Queued >= 0)
            return;
        _connections[connection.Descriptor] = null;
        _count--;
        CountMemory(connection, 0);
        connection.Release();
        _service.Counters.Increment(Counter.Closed);   // before the client can see it
        close(connection.Descriptor);
    }
}
