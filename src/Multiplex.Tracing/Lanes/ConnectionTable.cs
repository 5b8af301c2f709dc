using System.Globalization;
using Multiplex.Tracing.Parsing;
using Multiplex.Tracing.Recordings;

namespace Multiplex.Tracing.Lanes;

/// <summary>
/// Which connection each call is about. strace tells of a descriptor both ends of its connection while there is one; otherwise, as of a socket
/// whose peer has reset it, the process's table of descriptors tells.
/// </summary>
internal sealed class ConnectionTable(Recording recording, LaneTable table)
{
    private readonly Dictionary<string, Connection> _byEnds = [];
    private readonly List<Connection> _all = [];
    private readonly List<string> _clients = [.. recording.Clients.Select(client => client.Name)];
    private readonly Dictionary<int, Dictionary<int, Connection>> _open = [];          // by process: by descriptor
    private readonly Dictionary<(int Process, int Epoll), HashSet<int>> _interest = [];   // descriptors that epoll_wait(2) waits for

    /// <summary>Those that a call within the story is about.</summary>
    public IReadOnlyList<Connection> All { get; private set; } = [];

    /// <summary>The clients of the story; then, by their addresses, those of other connections.</summary>
    public IReadOnlyList<string> Clients { get; private set; } = [];

    /// <summary>Gives each call its connection, and each wait those that it waits for.</summary>
    public void Assign()
    {
        // The clients first: their calls show which end of a connection is the client's.
        foreach (Lane lane in table.Lanes.Where(lane => lane.Kind == LaneKind.Client))
            AssignClient(lane);
        Dictionary<TracedCall, LaneCall> drawn = table.Lanes.Where(lane => lane.Kind != LaneKind.Client).SelectMany(lane => lane.Calls).ToDictionary<LaneCall, TracedCall>(call => call.Call, ReferenceEqualityComparer.Instance);

        // A call takes its arguments when it begins, and makes its descriptor when it ends.
        IEnumerable<(long Time, bool Ends, TracedCall Call)> moments = recording.ServerCalls.Select(call => (call.Start, false, call))
            .Concat(recording.ServerCalls.Where(call => call.End is not null).Select(call => (call.End!.Value, true, call)));
        foreach ((_, bool ends, TracedCall call) in moments.OrderBy(moment => moment.Time))
        {
            if (ends)
                End(call, drawn.GetValueOrDefault(call));
            else
                Begin(call, drawn.GetValueOrDefault(call));
        }

        HashSet<Connection> seen = [.. table.Lanes.SelectMany(lane => lane.Calls).SelectMany(call => call.Watched.Append(call.Connection).OfType<Connection>())];
        All = [.. _all.Where(seen.Contains)];
        Clients = [.. _clients.Take(All.Select(connection => connection.Client + 1).Append(recording.Clients.Count).Max())];
    }

    private void AssignClient(Lane lane)
    {
        int client = _clients.IndexOf(lane.Name);
        Connection? connection = lane.Calls.SelectMany(call => Descriptors.In(call.Call.Arguments)).Where(one => one.IsConnected)
            .Select(one => Find(client, Plain(one.Local), Plain(one.Remote))).FirstOrDefault();
        foreach (LaneCall call in lane.Calls)
            call.Connection = Descriptors.First(call.Call.Arguments) is { IsTcp: true } ? connection : null;
    }

    private void Begin(TracedCall call, LaneCall? drawn)
    {
        int process = table.ProcessOf(call.Thread);
        Dictionary<int, Connection> open = OpenOf(process);
        Connection[] named = [.. Descriptors.In(call.Arguments).Select(one => Of(open, one)).OfType<Connection>().Distinct()];
        Descriptor? first = Descriptors.First(call.Arguments);
        if (Waits.IsForSeveral(call.Name))
        {
            if (drawn is null)
                return;
            // A poll(2) with a timeout of 0 is no wait.
            drawn.Set = call.Arguments.EndsWith(", 0", StringComparison.Ordinal) ? null : WaitSet.At(call, first is { } set ? InterestOf(process, set.Number) : [], number => open.GetValueOrDefault(number)?.Client);
            drawn.Watched = call.Name.StartsWith("epoll", StringComparison.Ordinal) ? Watched(process, first?.Number, open) : Waits.IsRing(call.Name) ? [.. open.Values.Distinct()] : named;
            return;
        }

        if (drawn is not null)
            drawn.Connection = named.FirstOrDefault();
        switch (call.Name)
        {
            case "close" when first is { } closed:
                open.Remove(closed.Number);
                foreach (HashSet<int> set in _interest.Where(set => set.Key.Process == process).Select(set => set.Value))
                    set.Remove(closed.Number);
                break;
            case "epoll_ctl" when first is { } epoll && call.Arguments.Split(", ") is [_, { } operation, { } descriptor, ..]:
                HashSet<int> interest = InterestOf(process, epoll.Number);
                int number = int.Parse(descriptor.Split('<')[0], CultureInfo.InvariantCulture);
                if (operation == "EPOLL_CTL_DEL")
                    interest.Remove(number);
                else
                    interest.Add(number);
                break;
        }
    }

    private void End(TracedCall call, LaneCall? drawn)
    {
        int process = table.ProcessOf(call.Thread);
        if (drawn is { Set: { } set })
            drawn.Set = set.After(call);
        if (call.Name is "accept" or "accept4" && Descriptors.First(call.Result) is { IsConnected: true } accepted)
        {
            Connection connection = Find(null, Plain(accepted.Remote), Plain(accepted.Local));
            OpenOf(process)[accepted.Number] = connection;
            if (drawn is not null)
                drawn.Connection = connection;
        }
        else if (LaneTable.IsClone(call.Name) && call.Value is > 0 and long child && table.ProcessOf((int)child) != process)
        {
            // A child has its parent's descriptors: fork(2). What it did before its parent returned counts.
            foreach ((int number, Connection connection) in OpenOf(process))
                OpenOf((int)child).TryAdd(number, connection);
        }
    }

    private Connection? Of(Dictionary<int, Connection> open, Descriptor one)
    {
        if (one.IsConnected)
            return open[one.Number] = Find(null, Plain(one.Remote), Plain(one.Local));
        return one.IsTcp && !one.IsListener ? open.GetValueOrDefault(one.Number) : null;
    }

    private Connection Find(int? client, string clientEnd, string serverEnd)
    {
        string ends = string.CompareOrdinal(clientEnd, serverEnd) < 0 ? $"{clientEnd} {serverEnd}" : $"{serverEnd} {clientEnd}";
        if (_byEnds.TryGetValue(ends, out Connection? known))
            return known;
        if (client is null)
        {
            client = _clients.Count;
            _clients.Add(clientEnd);
        }

        Connection connection = _byEnds[ends] = new(client.Value, clientEnd, serverEnd);
        _all.Add(connection);
        return connection;
    }

    private Connection[] Watched(int process, int? epoll, Dictionary<int, Connection> open) => epoll is { } number
        ? [.. InterestOf(process, number).Select(one => open.GetValueOrDefault(one)).OfType<Connection>().Distinct()]
        : [];

    private Dictionary<int, Connection> OpenOf(int process) =>
        _open.TryGetValue(process, out Dictionary<int, Connection>? open) ? open : _open[process] = [];

    private HashSet<int> InterestOf(int process, int epoll) =>
        _interest.TryGetValue((process, epoll), out HashSet<int>? interest) ? interest : _interest[(process, epoll)] = [];

    // An IPv4 peer of an IPv6 socket: [::ffff:127.0.0.1]:4000.
    private static string Plain(string end)
    {
        const string Mapped = "[::ffff:";
        return end.StartsWith(Mapped, StringComparison.Ordinal) ? end[Mapped.Length..].Replace("]", "", StringComparison.Ordinal) : end;
    }
}
