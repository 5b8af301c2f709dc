using Multiplex.Tracing.Parsing;

namespace Multiplex.Tracing.Lanes;

/// <summary>When a lane waits, when it works, and for which client.</summary>
internal static class Activity
{
    /// <summary>Tells waits from other calls.</summary>
    public static void Find(Lane lane)
    {
        foreach (LaneCall call in lane.Calls)
            call.IsWait = call.Call.Kind == TracedKind.Call && Waits.IsWait(call);
    }

    /// <summary>
    /// Cuts the lane into stretches. From one wait to the next a thread works: for the client whose connection a call names, before it for the first
    /// of them; and where no call names any, for that of the thread which woke it.
    /// </summary>
    public static void Draw(Lane lane, IReadOnlyList<Arrow> arrows)
    {
        Dictionary<LaneCall, Arrow> wakers = [];
        foreach (Arrow arrow in arrows.Where(arrow => arrow.Kind == ArrowKind.Wake && arrow.To.Lane == lane))
            wakers[arrow.To] = arrow;
        List<Stretch> stretches = [];
        long time = lane.Born;
        int? client = lane.Kind == LaneKind.Client ? lane.Calls.Select(call => call.Connection?.Client).FirstOrDefault(one => one is not null) : null;
        for (int i = 0; i < lane.Calls.Count;)
        {
            int next = i;
            while (next < lane.Calls.Count && !(lane.Calls[next].IsWait && !Waits.IsSleep(lane.Calls[next].Call.Name)))
                next++;
            LaneCall[] run = [.. lane.Calls.Skip(i).Take(next - i)];
            if (lane.Kind != LaneKind.Client)
                client = run.Select(call => call.Connection?.Client).FirstOrDefault(one => one is not null) ?? ClientOf(lane, i, wakers);
            foreach (LaneCall call in run)
            {
                client = call.Connection?.Client ?? client;
                call.Client = client;
                Add(new(time, call.Start, null, client));
                Add(new(Math.Max(call.Start, time), call.End, call.IsWait ? call : null, client));
            }

            if (next < lane.Calls.Count)
            {
                LaneCall wait = lane.Calls[next];
                Add(new(time, wait.Start, null, client));
                wait.Client = lane.Kind == LaneKind.Client ? client : wait.Connection?.Client;
                Add(new(Math.Max(wait.Start, lane.Born), wait.End, wait, Waits.IsAccept(wait.Call.Name) ? null : wait.Client));   // accept(2) waits for any client
            }

            i = next + 1;
        }

        lane.Stretches = stretches;

        void Add(Stretch stretch)
        {
            stretch = stretch with { Start = Math.Max(stretch.Start, Math.Max(time, 0)) };
            if (stretch.End <= stretch.Start)
                return;
            if (stretches.Count > 0 && stretches[^1] is { Wait: null } last && stretch.Wait is null && last.Client == stretch.Client)
                stretches[^1] = last with { End = stretch.End };
            else
                stretches.Add(stretch);
            time = stretch.End;
        }
    }

    // What the thread was woken for: the wait before this run ended by a wake-up.
    private static int? ClientOf(Lane lane, int run, Dictionary<LaneCall, Arrow> wakers) =>
        run > 0 && wakers.TryGetValue(lane.Calls[run - 1], out Arrow? waker) ? waker.Client : null;
}
