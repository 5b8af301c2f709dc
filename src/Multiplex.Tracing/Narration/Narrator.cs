using System.Text.RegularExpressions;
using Multiplex.Tracing.Lanes;
using Multiplex.Tracing.Parsing;

namespace Multiplex.Tracing.Narration;

/// <summary>A step of the story.</summary>
/// <param name="Time">When, in microseconds of the story.</param>
/// <param name="Call">The call that it is about.</param>
/// <param name="Sentence">What just happened, and why.</param>
public sealed record Step(long Time, LaneCall Call, string Sentence);

/// <summary>Describes a scene in sentences, one for each call that is a step of the story.</summary>
public sealed partial class Narrator
{
    // A wait that lasts longer is a step of its own, in microseconds.
    private const long Notable = 3000;
    private const double MicrosecondsAMillisecond = 1000;

    private readonly Scene _scene;
    private readonly Dictionary<LaneCall, LaneCall?> _next = [];
    private readonly ILookup<LaneCall, Arrow> _out, _in;

    private Narrator(Scene scene)
    {
        _scene = scene;
        _out = scene.Arrows.ToLookup(arrow => arrow.From);
        _in = scene.Arrows.ToLookup(arrow => arrow.To);
        foreach (Lane lane in scene.Lanes)
        {
            for (int i = 0; i < lane.Calls.Count; i++)
                _next[lane.Calls[i]] = i + 1 < lane.Calls.Count ? lane.Calls[i + 1] : null;
        }
    }

    /// <summary>The steps in their order.</summary>
    public static IReadOnlyList<Step> Tell(Scene scene)
    {
        Narrator narrator = new(scene);
        return [.. scene.Calls.SelectMany(narrator.Steps).OrderBy(step => step.Time)];
    }

    private IEnumerable<Step> Steps(LaneCall call)
    {
        if (call.IsWait && call.End - call.Start >= Notable && call.Start >= 0 && Waiting(call) is { } waiting)
            yield return new(call.Start, call, waiting);
        if (call.Call.End is not null && call.End < _scene.Duration && Done(call) is { } done)
            yield return new(call.End, call, done);
    }

    private string? Waiting(LaneCall call)
    {
        string lane = Capital(call.Lane.Title), name = call.Call.Name;
        if (call.Lane.Kind == LaneKind.Client)
            return IsReceive(name) ? $"{lane} waits in {name} for its reply." : null;
        if (Waits.IsSleep(name))
        {
            string sleeps = $"sleeps in {name}{(call.Call.End is null ? "" : $" for {(call.End - call.Start) / MicrosecondsAMillisecond:0} ms")}";
            return SleepsFor(call) is not { } client ? $"{lane} {sleeps}."
                : _scene.Lanes.Any(one => one.Kind != LaneKind.Client && one != call.Lane && one.Calls.Any(other => other.Connection is not null))
                ? $"{lane} carries out the call of \"{_scene.Clients[client]}\": it {sleeps}. Other lanes serve their clients meanwhile."
                : $"{lane} carries out the call of \"{_scene.Clients[client]}\": it {sleeps}. As no other lane serves connections, every other client waits too.";
        }

        if (Waits.IsRing(name))
            return $"{lane} enters the kernel by io_uring_enter: it submits {Word(call, 1)}, and waits for at least {Word(call, 2)} completion. What is submitted lies in memory that it shares with the kernel.";
        if (Waits.IsForSeveral(name))
        {
            string set = call.Set switch
            {
                { Kind: WaitSetKind.Kept } => "; the kernel keeps the set, so that the call names none of them",
                { Kind: WaitSetKind.Array, Size: var size } => $"; the array of all {size} descriptors goes in with each call",
                { Kind: WaitSetKind.Bits, Size: var size } => $"; sets of {size} bits go in, and the kernel overwrites them",
                _ => "",
            };
            return $"{lane} waits in {name} for {Watched(call)}{set}. Whichever is ready first ends the wait.";
        }

        return name switch
        {
            "accept" or "accept4" when !FollowsReadiness(call) => $"{lane} waits in {name} for a connection.",
            _ when IsReceive(name) && call.Connection is not null => $"{lane} waits in {name} for {ClientOf(call)} alone: it can serve no other client until that sends or closes.",
            "futex" => $"{lane} waits in futex until another thread wakes it.",
            _ => null,
        };
    }

    private string? Done(LaneCall call) => call.Call.Kind switch
    {
        TracedKind.Exit when call.Lane.Kind == LaneKind.Client => null,
        TracedKind.Signal => $"{Capital(call.Lane.Title)} takes the signal {call.Call.Name}{(_in[call].Any() ? $" from {_in[call].First().From.Lane.Title}" : "")}.",
        TracedKind.Exit => $"{Capital(call.Lane.Title)} has ended: it {call.Call.Name}.",
        _ when call.Lane.Kind == LaneKind.Client => DoneByClient(call),
        _ => DoneByServer(call),
    };

    private string? DoneByClient(LaneCall call)
    {
        string client = call.Lane.Title, name = call.Call.Name;
        long? value = call.Call.Value;
        if (call.Call.Error is { } error)
            return $"{client}: {name} fails with {error}.";
        switch (name)
        {
            case "connect":
                return $"{client} connects: the kernel completes the handshake and queues the connection at the listener. The server need not run for that.";
            case "shutdown":
                return $"{client} shuts down its sending side, a half-close: it sends nothing more, and still reads.";
            case "close" when call.Connection is not null:
                return _out[call].Any(arrow => arrow.Kind == ArrowKind.Reset) || Resets(call)
                    ? $"{client} vanishes: with SO_LINGER at 0 seconds close sends a reset, RST, in place of FIN."
                    : $"{client} closes its connection: FIN.";
        }

        if (IsSend(name))
        {
            string part = call.Lane.Name != "pieces" ? "a request" : call.Lane.Calls.First(one => IsSend(one.Call.Name)) == call ? "the first half of a request, which cannot be answered yet" : "the rest of its request";
            return $"{client} sends {Bytes(value)}: {part}.";
        }

        return !IsReceive(name) ? null
            : value == 0 ? $"{client} receives 0 bytes: the server has closed its side too."
            : $"{client} receives {Bytes(value)}, its reply{SinceRequest(call)}.";
    }

    private string? DoneByServer(LaneCall call)
    {
        string lane = Capital(call.Lane.Title), name = call.Call.Name;
        long? value = call.Call.Value;
        string? error = call.Call.Error;
        if (Waits.IsRing(name))
            return call.IsWait ? $"io_uring_enter returns to {call.Lane.Title}: completions lie in the ring. strace does not see which; the calls that follow show it." : null;
        if (Waits.IsForSeveral(name))
            return call.IsWait ? $"{name} returns to {call.Lane.Title}: {Reason(call)}." : null;
        if (_out[call].FirstOrDefault(arrow => arrow.Kind == ArrowKind.Wake) is { } wake)
            return WakesAgain(call, wake.To.Lane) ? null : $"{lane} wakes {wake.To.Lane.Title} by {name}: there is something for it to do.";
        if (_out[call].FirstOrDefault(arrow => arrow.Kind == ArrowKind.Birth) is { } birth)
        {
            return birth.To.Lane.Kind == LaneKind.Process
                ? $"{lane} forks ({name}): {birth.To.Lane.Title} begins with copies of all its descriptors, and so with the connection."
                : $"{lane} starts {birth.To.Lane.Title} ({name}): it shares memory and descriptors with its process.";
        }

        switch (name)
        {
            case "accept" or "accept4" when error is null:
                return $"{lane} accepts the connection of {ClientOf(call)} as descriptor {value}; the listener stays free for the next.";
            case "accept" or "accept4" when error is "EAGAIN":
                return $"{lane}: {name} fails with EAGAIN, as no further connection is queued and the listener does not block.";
            case "close" when call.Connection is not null:
                return _out[call].Any(arrow => arrow.Kind is ArrowKind.End) || !HeldElsewhere(call)
                    ? $"{lane} closes the connection of {ClientOf(call)}."
                    : $"{lane} closes its copy of the connection of {ClientOf(call)}: the child has its own, and the connection stays open.";
            case "epoll_ctl" when call.Connection is not null:
                return call.Call.Arguments.Contains("_ADD", StringComparison.Ordinal) ? $"{lane} adds the connection of {ClientOf(call)} to the set that the kernel watches."
                    : call.Call.Arguments.Contains("_DEL", StringComparison.Ordinal) ? $"{lane} takes the connection of {ClientOf(call)} out of the set."
                    : $"{lane} changes what the kernel watches the connection of {ClientOf(call)} for.";
            case "wait4" or "waitid" when value > 0:
                return $"{lane} collects the exit status of process {value}: until then that was a zombie.";
            case "shutdown" when call.Connection is not null:
                return $"{lane} shuts down its side of the connection of {ClientOf(call)}.";
            case "clock_nanosleep" or "nanosleep" when call.IsWait && SleepsFor(call) is { } client:
                return $"{lane} has slept, and goes on with the call of \"{_scene.Clients[client]}\".";
        }

        if (call.Connection is null)
            return null;
        if (IsSend(name))
            return error is null ? $"{lane} answers {ClientOf(call)} with {Bytes(value)}." : $"{lane}: {name} to {ClientOf(call)} fails with {error}.";
        if (!IsReceive(name))
            return null;
        return error switch
        {
            "EAGAIN" => $"{lane}: {name} fails with EAGAIN, as {ClientOf(call)} has sent nothing more.",
            not null => $"{lane}: {name} fails with {error}: {ClientOf(call)} is gone.",
            null when value == 0 => $"{lane} receives 0 bytes from {ClientOf(call)}: nothing more will come from it.",
            _ => $"{lane} receives {Bytes(value)} from {ClientOf(call)}: {(IsAnswered(call) ? "a whole request" : "not a whole request yet, so it keeps them and waits for the rest")}.",
        };
    }

    // The client of the story for whose call a thread sleeps: the client from which it has received last. Another thread, or the kernel's ring, may have received
    // the call: then it is the one client that waits for its reply meanwhile.
    private int? SleepsFor(LaneCall sleep)
    {
        LaneCall? before = sleep.Lane.Calls.TakeWhile(call => call != sleep).LastOrDefault(call => (IsTransfer(call) && call.Call.Error is null) || (call.IsWait && !Waits.IsSleep(call.Call.Name)));
        IEnumerable<Lane> clients = _scene.Lanes.Where(lane => lane.Kind == LaneKind.Client);
        if (before is null || !clients.Any())
            return null;
        if (before.Connection is { } connection)
            return IsReceive(before.Call.Name) && before.Call.Value > 0 ? connection.Client : null;
        bool isAnswered = sleep.Lane.Calls.SkipWhile(call => call != sleep).Skip(1).TakeWhile(call => !call.IsWait).Any(call => IsSend(call.Call.Name));   // also to an eventfd
        return (isAnswered || Waits.IsRing(before.Call.Name)) && clients.Index().Where(client => WaitsForReply(client.Item)).ToArray() is [var (index, _)] ? index : null;

        bool WaitsForReply(Lane client)
        {
            LaneCall[] transfers = [.. client.Calls.Where(IsTransfer)];
            int send = Array.FindLastIndex(transfers, call => IsSend(call.Call.Name) && call.Start <= sleep.Start);
            return send >= 0 && send + 1 < transfers.Length && transfers[send + 1] is var next && IsReceive(next.Call.Name) && next.End >= sleep.End;
        }
    }

    // Whether the connection was answered before it was read from again.
    private bool IsAnswered(LaneCall receive) => _scene.Calls.Where(call => call.Connection == receive.Connection && call.Lane.Kind != LaneKind.Client && call.Start > receive.Start)
        .Where(call => IsSend(call.Call.Name) || (IsReceive(call.Call.Name) && call.Call.Error is null)).Select(call => IsSend(call.Call.Name)).FirstOrDefault(true);

    // A lock and a condition each take a wake-up: the last one counts.
    private bool WakesAgain(LaneCall wake, Lane woken)
    {
        for (LaneCall? next = _next[wake]; next is { IsWait: false }; next = _next[next])
        {
            if (_out[next].Any(arrow => arrow.Kind == ArrowKind.Wake && arrow.To.Lane == woken))
                return true;
        }

        return false;
    }

    private static bool FollowsReadiness(LaneCall accept) =>
        accept.Lane.Calls.TakeWhile(call => call != accept).LastOrDefault(call => call.Call.Kind == TracedKind.Call) is { } before && Waits.IsForSeveral(before.Call.Name);

    private bool HeldElsewhere(LaneCall close) =>
        _scene.Calls.Any(call => call.Connection == close.Connection && call.Lane.Kind != LaneKind.Client && call.Lane.Process != close.Lane.Process && call.End > close.Start);

    private static bool Resets(LaneCall close) =>
        close.Lane.Calls.Any(call => call.Connection == close.Connection && call.Call.Name == "setsockopt" && call.Call.Arguments.Contains("SO_LINGER", StringComparison.Ordinal));

    private static string SinceRequest(LaneCall receive)
    {
        LaneCall? request = receive.Lane.Calls.LastOrDefault(call => IsSend(call.Call.Name) && call.Start < receive.Start);
        return request is null ? "" : $", {(receive.End - request.Start) / MicrosecondsAMillisecond:0.0} ms after its request";
    }

    // The next call of the thread shows what ended its wait.
    private string Reason(LaneCall wait)
    {
        LaneCall? next = _next[wait];
        while (next is { Connection: null } && next.Call.Name is not ("accept" or "accept4") && !next.IsWait)
            next = _next[next];
        if (wait.Call.Value == 0)
            return "its timeout has passed";
        if (_in[wait].FirstOrDefault(arrow => arrow.Kind == ArrowKind.Wake) is { } wake)
            return $"{wake.From.Lane.Title} has woken it";
        return next is null or { IsWait: true, Connection: null } ? "a descriptor is ready"
            : next.Call.Name is "accept" or "accept4" ? "the listener is readable, so a connection is queued"
            : $"the connection of {ClientOf(next)} is ready";
    }

    private string Watched(LaneCall wait)
    {
        string[] clients = [.. wait.Watched.Select(connection => connection.Client).Distinct().Select(client => $"\"{_scene.Clients[client]}\"")];
        return clients.Length == 0 ? "new connections" : $"{string.Join(", ", clients[..^1].Prepend("new connections"))} and {clients[^1]}, all at once";
    }

    private string ClientOf(LaneCall call) => (call.Connection?.Client ?? call.Client) is { } client ? $"\"{_scene.Clients[client]}\"" : "a client";

    private static string Bytes(long? count) => count == 1 ? "1 byte" : $"{count} bytes";

    private static string Word(LaneCall call, int index) => Separator().Split(call.Call.Arguments).ElementAtOrDefault(index) ?? "?";

    private static string Capital(string title) => title.StartsWith('"') ? title : $"{char.ToUpperInvariant(title[0])}{title[1..]}";

    private static bool IsTransfer(LaneCall call) => call.Connection is not null && (IsSend(call.Call.Name) || IsReceive(call.Call.Name));

    private static bool IsSend(string name) => name is "sendto" or "sendmsg" or "write" or "writev";

    private static bool IsReceive(string name) => name is "recvfrom" or "recvmsg" or "read" or "readv";

    [GeneratedRegex(", *")]
    private static partial Regex Separator();
}
