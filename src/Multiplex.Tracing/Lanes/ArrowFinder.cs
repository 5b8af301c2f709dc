using Multiplex.Tracing.Parsing;

namespace Multiplex.Tracing.Lanes;

/// <summary>Finds the arrows: a call of one lane, and the call of another that it has an effect on.</summary>
internal sealed class ArrowFinder(LaneTable table, ConnectionTable connections)
{
    private readonly LaneCall[] _calls = [.. table.Lanes.SelectMany(lane => lane.Calls).OrderBy(call => call.Start)];

    public IEnumerable<Arrow> Find() =>
        connections.All.SelectMany(OfConnection).Concat(Births()).Concat(Deaths()).Concat(Kills()).Concat(FutexWakes()).Concat(EventWakes());

    private IEnumerable<Arrow> OfConnection(Connection connection)
    {
        LaneCall[] calls = [.. _calls.Where(call => call.Connection == connection)];
        LaneCall[] client = [.. calls.Where(call => call.Lane.Kind == LaneKind.Client)], server = [.. calls.Except(client)];
        if (client.FirstOrDefault(call => call.Call.Name == "connect") is { } connect)
        {
            if (server.FirstOrDefault(call => call.Call.Name is "accept" or "accept4") is { } accept)
                yield return new(ArrowKind.Connection, connect, accept, connection.Client, "a connection");
            else if (server.FirstOrDefault() is { } first)
                yield return new(ArrowKind.Connection, connect, first, connection.Client, "a connection", IsInferred: true);
        }

        foreach (Arrow arrow in Direction(connection, client, server).Concat(Direction(connection, server, client)))
            yield return arrow;
    }

    // Bytes in their order, then the end of the direction.
    private IEnumerable<Arrow> Direction(Connection connection, LaneCall[] from, LaneCall[] to)
    {
        Queue<(LaneCall Send, long Left)> sent = new(from.Where(call => IsSend(call) && call.Call.Value > 0).Select(call => (call, call.Call.Value!.Value)));
        LaneCall[] receives = [.. to.Where(call => IsReceive(call) && call.Call.Value is not null)];
        foreach (LaneCall receive in receives)
        {
            long wanted = receive.Call.Value!.Value;
            if (wanted > 0 && sent.Count == 0 && RingBefore(connection, receive) is { } ring)
                yield return new(ArrowKind.Bytes, ring, receive, connection.Client, Bytes(wanted), IsInferred: true);
            while (wanted > 0 && sent.TryPeek(out (LaneCall Send, long Left) next))
            {
                long taken = Math.Min(wanted, next.Left);
                yield return new(ArrowKind.Bytes, next.Send, receive, connection.Client, Bytes(taken));
                wanted -= taken;
                sent.Dequeue();
                if (next.Left > taken)
                    sent = new(sent.Prepend((next.Send, next.Left - taken)));
            }
        }

        foreach ((LaneCall send, long left) in sent)
        {
            if (RingAfter(connection, send) is { } ring)
                yield return new(ArrowKind.Bytes, send, ring, connection.Client, Bytes(left), IsInferred: true);
        }

        // Of several copies of a descriptor the last that is closed ends the stream; shutdown(2) ends it at once.
        LaneCall? last = receives.FirstOrDefault(call => call.Call.Error is "ECONNRESET" or "EPIPE" || call.Call.Value == 0);
        if (last is null || from.LastOrDefault(call => call.Call.Name is "shutdown" or "close" && call.Start <= last.End) is not { } end)
            yield break;
        yield return last.Call.Value == 0
            ? new(ArrowKind.End, end, last, connection.Client, "the end of the stream")
            : new(ArrowKind.Reset, end, last, connection.Client, "a reset");
    }

    private IEnumerable<Arrow> Births() =>
        from lane in table.Lanes
        where table.MakerOf(lane.Thread) is not null && lane.Calls.Count > 0
        let maker = _calls.FirstOrDefault(call => call.Call == table.MakerOf(lane.Thread))
        where maker is not null
        select new Arrow(ArrowKind.Birth, maker, lane.Calls[0], null, lane.Kind == LaneKind.Process ? "a process" : "a thread");

    // A child that ends: the parent learns it by SIGCHLD, or where it takes that by signalfd(2), by wait(2).
    private IEnumerable<Arrow> Deaths() =>
        from child in table.Lanes
        where child.Kind == LaneKind.Process && child.Died is not null && table.ParentOf(child.Process) is not null
        let exit = child.Calls.LastOrDefault(call => call.Call.Kind == TracedKind.Exit)
        let told = _calls.FirstOrDefault(call => call.Lane.Process == table.ParentOf(child.Process) && call.End >= child.Died && Tells(call.Call, child.Process))
        where exit is not null && told is not null
        select new Arrow(ArrowKind.Signal, exit, told, null, "SIGCHLD");

    private static bool Tells(TracedCall call, int child) => call.Kind == TracedKind.Signal
        ? call.Name == "SIGCHLD" && call.Arguments.Contains($"si_pid={child},", StringComparison.Ordinal)
        : call.Name is "wait4" or "waitid" && call.Value == child;

    private IEnumerable<Arrow> Kills() =>
        from kill in _calls
        where kill.Call.Name is "kill" or "tgkill" or "tkill" && kill.Call.Value == 0
        let taken = _calls.FirstOrDefault(call => call.Call.Kind == TracedKind.Signal && call.Lane != kill.Lane && call.Start >= kill.Start
            && kill.Call.Arguments.EndsWith($", {call.Call.Name}", StringComparison.Ordinal) && kill.Call.Arguments.Contains($"{call.Lane.Process}", StringComparison.Ordinal))
        where taken is not null
        select new Arrow(ArrowKind.Signal, kill, taken, null, taken.Call.Name);

    // FUTEX_WAKE, and a wait for the same word in the same process that it ends.
    private IEnumerable<Arrow> FutexWakes()
    {
        HashSet<LaneCall> woken = [];
        foreach (LaneCall wake in _calls.Where(call => call.Call.Name == "futex" && call.Call.Arguments.Contains("FUTEX_WAKE", StringComparison.Ordinal) && call.Call.Value > 0))
        {
            string word = wake.Call.Arguments.Split(',')[0];
            LaneCall? wait = _calls.FirstOrDefault(call => call.Call.Name == "futex" && call.Lane != wake.Lane && call.Lane.Process == wake.Lane.Process
                && call.Start <= wake.End && call.End >= wake.Start && call.Call.Value == 0 && !woken.Contains(call)
                && call.Call.Arguments.StartsWith($"{word},", StringComparison.Ordinal) && call.Call.Arguments.Contains("FUTEX_WAIT", StringComparison.Ordinal));
            if (wait is null)
                continue;
            woken.Add(wait);
            yield return new(ArrowKind.Wake, wake, wait, ClientBefore(wake), "a wake-up by futex");
        }
    }

    // A write to an eventfd, and the wait of another thread that it ends.
    private IEnumerable<Arrow> EventWakes() =>
        from write in _calls
        where write.Call.Name == "write" && Descriptors.First(write.Call.Arguments) is { Text: "eventfd" }
        let number = Descriptors.First(write.Call.Arguments)!.Value.Number
        let wait = _calls.FirstOrDefault(call => call.Lane != write.Lane && call.Lane.Process == write.Lane.Process && call.Start <= write.End && call.End >= write.Start
            && Waits.IsForSeveral(call.Call.Name) && (call.Call.Name != "poll" || Descriptors.In(call.Call.Arguments).Any(one => one.Number == number)))
        where wait is not null
        select new Arrow(ArrowKind.Wake, write, wait, ClientBefore(write), "a wake-up by eventfd");

    // The client that the lane was working for.
    private static int? ClientBefore(LaneCall call) =>
        call.Lane.Calls.TakeWhile(one => one != call).Reverse().TakeWhile(one => !one.IsWait).Select(one => one.Connection?.Client).FirstOrDefault(client => client is not null);

    // A receive or send of io_uring(7) is no system call: it is submitted, and its completion collected, by an io_uring_enter(2) of the thread
    // that has the connection.
    private LaneCall? RingAfter(Connection connection, LaneCall send) => Rings(connection).FirstOrDefault(call => call.End >= send.Start);

    private LaneCall? RingBefore(Connection connection, LaneCall receive) => Rings(connection).LastOrDefault(call => call.Start <= receive.End);

    private IEnumerable<LaneCall> Rings(Connection connection) =>
        _calls.Where(call => Waits.IsRing(call.Call.Name) && call.Lane.Calls.Any(other => other.Connection == connection));

    private static string Bytes(long count) => count == 1 ? "1 byte" : $"{count} bytes";

    private static bool IsSend(LaneCall call) => call.Call.Name is "sendto" or "send" or "sendmsg" or "write" or "writev";

    private static bool IsReceive(LaneCall call) => call.Call.Name is "recvfrom" or "recv" or "recvmsg" or "read" or "readv";
}
