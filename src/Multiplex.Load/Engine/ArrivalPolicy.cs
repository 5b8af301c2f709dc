using System.Diagnostics;
using Multiplex.Engine;
using Multiplex.Load.Measuring;
using Multiplex.Load.Workload;

namespace Multiplex.Load.Engine;

/// <summary>Decides when requests are sent, unless they are sent at once.</summary>
internal abstract class ArrivalPolicy
{
    /// <summary>When <see cref="SendDue"/> is next to be called; never, while it depends on a reply.</summary>
    public abstract long Next { get; }

    /// <summary>Whether a connection with free slots may send now, without waiting for <see cref="SendDue"/>.</summary>
    /// <param name="freeSince">The time since which they are free.</param>
    public abstract bool SendsAtOnce(long freeSince);

    /// <summary>Whether a request may be sent now.</summary>
    /// <param name="now">Now.</param>
    /// <param name="due">Receives the time at which it was due.</param>
    public abstract bool TryTake(long now, out long due);

    /// <summary>A connection has free slots.</summary>
    /// <param name="connection">Which.</param>
    /// <param name="since">Since when.</param>
    public abstract void OnFreed(BusyConnection connection, long since);

    /// <summary>Makes connections send the requests that are due.</summary>
    public abstract void SendDue(long now, EventLoop loop);
}

/// <summary>
/// An open loop. Connections with a free slot form a queue, so that each sends in turn. While the queue is empty, requests that are due
/// wait; the next connection with free slots sends as many of them as it has slots. A request must leave the machine when it is due, so
/// send(2) is called earlier by the known time from send(2) to the interface.
/// </summary>
internal sealed class OpenLoopPolicy(ArrivalSchedule schedule, LoadRecorder recorder, KernelStamps? stamps) : ArrivalPolicy
{
    private readonly Queue<BusyConnection> _line = new();
    private long _freeSince;   // the time since which a connection has had a free slot: the client's own delay counts from then

    private long WayOut => stamps?.WayOut ?? 0;

    public override long Next => _line.Count > 0 ? schedule.Next - WayOut : long.MaxValue;

    public override bool SendsAtOnce(long freeSince)
    {
        if (_line.Count > 0)
            return false;
        _freeSince = freeSince;
        return true;
    }

    public override bool TryTake(long now, out long due)
    {
        if (!schedule.TryTake(now + WayOut, out due))
            return false;
        recorder.RecordLag(due, now - Math.Max(due - WayOut, _freeSince));
        return true;
    }

    public override void OnFreed(BusyConnection connection, long since)
    {
        if (connection.IsInLine)
            return;
        if (_line.Count == 0)
            _freeSince = since;
        Enqueue(connection);
    }

    public override void SendDue(long now, EventLoop loop)
    {
        int most = 1 + (int)Math.Min(schedule.Overdue(now + WayOut) / Math.Max(_line.Count, 1), int.MaxValue - 1);
        while (_line.Count > 0 && Next <= now)
        {
            BusyConnection connection = _line.Dequeue();
            connection.IsInLine = false;
            if (!connection.CanSend)
                continue;   // it was closed meanwhile
            loop.Apply(connection, connection.After(connection.Send(Stopwatch.GetTimestamp(), most)));
            if (connection.CanSend && !connection.IsInLine)
                Enqueue(connection);
        }
    }

    private void Enqueue(BusyConnection connection)
    {
        connection.IsInLine = true;
        _line.Enqueue(connection);
    }
}

/// <summary>A closed loop with think time: a slot sends again some time after its reply. The slots begin at different times.</summary>
internal sealed class ThinkTimePolicy(TimeSpan thinkTime) : ArrivalPolicy
{
    private readonly PriorityQueue<(BusyConnection Connection, int Incarnation), long> _thinking = new();
    private readonly long _time = LoadContext.Nanoseconds(thinkTime);
    private readonly Random _random = new(1);

    public override long Next => _thinking.TryPeek(out _, out long next) ? next : long.MaxValue;

    public override bool SendsAtOnce(long freeSince) => false;

    public override bool TryTake(long now, out long due)
    {
        due = now;
        return true;
    }

    public override void OnFreed(BusyConnection connection, long since)
    {
        for (; connection.Thinking < connection.FreeSlots; connection.Thinking++)
        {
            double part = connection.HasEverSent ? 1 : _random.NextDouble();
            _thinking.Enqueue((connection, connection.Incarnation), since + (long)(part * _time));
        }
    }

    public override void SendDue(long now, EventLoop loop)
    {
        while (_thinking.TryPeek(out (BusyConnection Connection, int Incarnation) first, out long due) && due <= now)
        {
            _thinking.Dequeue();
            if (first.Incarnation != first.Connection.Incarnation)
                continue;   // that connection is gone
            first.Connection.Thinking--;
            loop.Apply(first.Connection, first.Connection.After(first.Connection.Send(Stopwatch.GetTimestamp(), most: 1)));
        }
    }
}
