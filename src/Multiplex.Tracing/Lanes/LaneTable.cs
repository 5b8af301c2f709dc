using System.Text.RegularExpressions;
using Multiplex.Tracing.Parsing;
using Multiplex.Tracing.Recordings;

namespace Multiplex.Tracing.Lanes;

/// <summary>The processes and threads of a recording, each with its calls: from /proc, and from the calls that made them.</summary>
internal sealed partial class LaneTable
{
    // The names of the runtime's own threads, which collect garbage and wait for signals; none serves a client.
    private const string OfTheRuntime = ".NET";

    private readonly Dictionary<int, (int Parent, bool IsThread, TracedCall Clone)> _made = [];
    private readonly Dictionary<int, int> _processes;

    private LaneTable(Recording recording)
    {
        Recording = recording;
        _processes = new(recording.ProcessOfThread);
        foreach (TracedCall call in recording.ServerCalls)
        {
            if (IsClone(call.Name) && call.Value is > 0 and long child)
                _made[(int)child] = (call.Thread, call.Arguments.Contains("CLONE_THREAD", StringComparison.Ordinal), call);
        }
    }

    public Recording Recording { get; }

    /// <summary>The lanes in the order in which they are drawn.</summary>
    public IReadOnlyList<Lane> Lanes { get; private set; } = [];

    public IReadOnlyList<string> Notes { get; private set; } = [];

    /// <summary>The calls before the story that made what the server waits with, and the lanes: socket, bind, listen, clone.</summary>
    public IEnumerable<TracedCall> Preparations => Recording.ServerCalls.Where(call => call.End < Recording.Start && call.Error is null && (IsClone(call.Name)
        ? Lanes.Any(lane => MakerOf(lane.Thread) == call)
        : call.Name is "socket" or "bind" or "listen" or "epoll_create" or "epoll_create1" or "io_uring_setup"));

    public static LaneTable Of(Recording recording)
    {
        LaneTable table = new(recording);
        List<Lane> clients = [.. recording.Clients.Select(client => table.Fill(new(client.Thread, client.Thread, LaneKind.Client, client.Name), recording.ClientCalls))];
        ILookup<int, TracedCall> byThread = recording.ServerCalls.ToLookup(call => call.Thread);
        Lane[] server = [.. byThread.Select(calls => table.Fill(table.Make(calls.Key, calls), calls))];
        Lane[] living = [.. server.Where(lane => lane.Died is not <= 0 && lane.Calls.Count > 0)];
        Lane[] working = [.. living.Where(lane => !lane.Name.StartsWith(OfTheRuntime, StringComparison.Ordinal))];
        Lane[] drawn = [.. working.Where(lane => !WaitsForAStop(lane) || !working.Any(other => other.Process == lane.Process && !WaitsForAStop(other)))];
        table.Lanes =
        [
            .. clients,
            .. drawn.GroupBy(lane => lane.Process).OrderBy(process => process.Min(lane => lane.Born)).ThenBy(process => process.Key)
                .SelectMany(process => process.OrderBy(lane => lane.Kind).ThenBy(lane => lane.Born).ThenBy(lane => lane.Thread)),
        ];
        table.GiveTitles();
        if (living.Length > drawn.Length)
            table.Notes = [$"Not drawn: {living.Length - drawn.Length} {(living.Length - drawn.Length == 1 ? "thread" : "threads")} of the .NET runtime, or that wait for a signal to stop and do nothing else."];
        return table;
    }

    /// <summary>The call that made a thread or a process; null when it was there before.</summary>
    public TracedCall? MakerOf(int thread) => _made.TryGetValue(thread, out (int Parent, bool IsThread, TracedCall Clone) made) ? made.Clone : null;

    /// <summary>Whether a call makes a thread or a process.</summary>
    public static bool IsClone(string name) => name is "clone" or "clone3" or "fork" or "vfork";

    /// <summary>The process of a thread.</summary>
    public int ProcessOf(int thread) => _processes.TryGetValue(thread, out int process) ? process
        : _processes[thread] = _made.TryGetValue(thread, out (int Parent, bool IsThread, TracedCall Clone) made) && made.IsThread ? ProcessOf(made.Parent) : thread;

    /// <summary>The process that made another; null when it was there before.</summary>
    public int? ParentOf(int process) => _made.TryGetValue(process, out (int Parent, bool IsThread, TracedCall Clone) made) ? ProcessOf(made.Parent) : null;

    // In one and the same poll(2) throughout, and no socket among its descriptors.
    private static bool WaitsForAStop(Lane lane) => lane.Calls is [{ Call: { Name: "poll" or "restart_syscall" } only }]
        && !only.Arguments.Contains("<TCP", StringComparison.Ordinal) && !only.Arguments.Contains("<UNIX", StringComparison.Ordinal);

    private void GiveTitles()
    {
        Lane[] server = [.. Lanes.Where(lane => lane.Kind != LaneKind.Client)];
        bool hasChildren = server.Any(lane => lane.Kind == LaneKind.Process && ParentOf(lane.Process) is { } parent && server.Any(other => other.Process == parent));
        int children = 0;
        foreach (Lane lane in Lanes.Where(lane => lane.Kind == LaneKind.Client))
            lane.Title = $"\"{lane.Name}\"";
        foreach (IGrouping<int, Lane> process in server.GroupBy(lane => lane.Process))
        {
            int threads = 0;
            bool isChild = ParentOf(process.Key) is { } parent && server.Any(lane => lane.Process == parent);
            string title = isChild ? $"child {++children}" : hasChildren ? "the parent" : process.Count() > 1 ? "the main thread" : "the server";
            foreach (Lane lane in process)
                lane.Title = lane.Kind == LaneKind.Process || process.Count() == 1 ? title : isChild ? $"thread {++threads} of {title}" : $"thread {++threads}";
        }
    }

    private Lane Make(int thread, IEnumerable<TracedCall> calls)
    {
        int process = ProcessOf(thread);
        string? name = calls.Where(call => call.Name == "prctl").Select(call => SetName().Match(call.Arguments)).LastOrDefault(match => match.Success)?.Groups["name"].Value;
        name ??= Recording.ThreadNames.GetValueOrDefault(thread, "");
        return new(thread, process, thread == process ? LaneKind.Process : LaneKind.Thread, name);
    }

    private Lane Fill(Lane lane, IEnumerable<TracedCall> all)
    {
        long start = Recording.Start, duration = Recording.End - start;
        TracedCall[] calls = [.. all.Where(call => call.Thread == lane.Thread)];
        lane.Born = MakerOf(lane.Thread) is { } maker ? Math.Max(calls[0].Start - start, 0) : 0;
        if (calls.LastOrDefault(call => call.Kind == TracedKind.Exit) is { } exit && exit.Start < Recording.End)
            lane.Died = exit.Start - start;

        // A call that has not returned at the story's end is drawn up to there.
        lane.Calls =
        [
            .. from call in calls
               let end = call.End is { } known ? known - start : lane.Died ?? duration
               where call.Start - start < duration && end > 0
               select new LaneCall(call, lane, call.Start - start, Math.Min(end, duration)),
        ];
        return lane;
    }

    [GeneratedRegex("^PR_SET_NAME, \"(?<name>[^\"]*)\"")]
    private static partial Regex SetName();
}
