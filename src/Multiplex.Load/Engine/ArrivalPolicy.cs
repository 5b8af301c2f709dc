using System.Diagnostics;
using Multiplex.Load.Measuring;
using Multiplex.Load.Workload;

namespace Multiplex.Load.Engine;

/// <summary>Decides when requests are asked, where that is not at once.</summary>
internal abstract class ArrivalPolicy
{
    /// <summary>When <see cref="Issue"/> has something to do; never, while a reply has to come first.</summary>
    public abstract long Next { get; }

    /// <summary>Whether a connection whose slots have become free may ask before <see cref="Issue"/> gives it its turn.</summary>
    /// <param name="freeSince">Since when they are free.</param>
    public abstract bool AsksAtOnce(long freeSince);

    /// <summary>May a request be asked now?</summary>
    /// <param name="now">Now.</param>
    /// <param name="due">When it was due.</param>
    public abstract bool TryTake(long now, out long due);

    /// <summary>A connection has free slots.</summary>
    /// <param name="connection">Which.</param>
    /// <param name="since">Since when.</param>
    public abstract void Freed(BusyConnection connection, long since);

    /// <summary>Has connections ask what is due.</summary>
    public abstract void Issue(long now, ConnectionSet connections);
}

/// <summary>
/// An open loop. Connections with a free slot stand in line, so that requests go round. While nobody stands there, what is due
/// waits; whose slots become free then asks as much of it as it has room for. When a request is due it has to be on its way, so that
/// send(2) is called earlier by what is known of its way out.
/// </summary>
internal sealed class OpenLoopPolicy(ArrivalSchedule schedule, LoadRecorder recorder, KernelStamps? stamps) : ArrivalPolicy
{
    private readonly Queue<BusyConnection> _line = new();
    private long _freeSince;   // since when there has been a connection with a free slot: the client's own delay counts from then

    private long WayOut => stamps?.WayOut ?? 0;

    public override long Next => _line.Count > 0 ? schedule.Next - WayOut : long.MaxValue;

    public override bool AsksAtOnce(long freeSince)
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

    public override void Freed(BusyConnection connection, long since)
    {
        if (connection.IsInLine)
            return;
        if (_line.Count == 0)
            _freeSince = since;
        Enqueue(connection);
    }

    public override void Issue(long now, ConnectionSet connections)
    {
        int most = 1 + (int)Math.Min(schedule.Overdue(now + WayOut) / Math.Max(_line.Count, 1), int.MaxValue - 1);
        while (_line.Count > 0 && Next <= now)
        {
            BusyConnection connection = _line.Dequeue();
            connection.IsInLine = false;
            if (!connection.CanAsk)
                continue;   // it was closed meanwhile
            connections.Settle(connection, connection.Ask(Stopwatch.GetTimestamp(), most));
            if (connection.CanAsk && !connection.IsInLine)
                Enqueue(connection);
        }
    }

    private void Enqueue(BusyConnection connection)
    {
        connection.IsInLine = true;
        _line.Enqueue(connection);
    }
}

/// <summary>A closed loop whose users think: a slot asks again some time after its reply. They begin at different times.</summary>
internal sealed class ThinkTimePolicy(TimeSpan thinkTime) : ArrivalPolicy
{
    private readonly PriorityQueue<(BusyConnection Connection, int Incarnation), long> _thinking = new();
    private readonly long _time = LoadContext.Nanoseconds(thinkTime);
    private readonly Random _random = new(1);

    public override long Next => _thinking.TryPeek(out _, out long next) ? next : long.MaxValue;

    public override bool AsksAtOnce(long freeSince) => false;

    public override bool TryTake(long now, out long due)
    {
        due = now;
        return true;
    }

    public override void Freed(BusyConnection connection, long since)
    {
        for (; connection.Thinking < connection.FreeSlots; connection.Thinking++)
        {
            double part = connection.HasAsked ? 1 : _random.NextDouble();
            _thinking.Enqueue((connection, connection.Incarnation), since + (long)(part * _time));
        }
    }

    public override void Issue(long now, ConnectionSet connections)
    {
        while (_thinking.TryPeek(out (BusyConnection Connection, int Incarnation) first, out long due) && due <= now)
        {
            _thinking.Dequeue();
            if (first.Incarnation != first.Connection.Incarnation)
                continue;   // that connection is gone
            first.Connection.Thinking--;
            connections.Settle(first.Connection, first.Connection.Ask(Stopwatch.GetTimestamp(), most: 1));
        }
    }
}
