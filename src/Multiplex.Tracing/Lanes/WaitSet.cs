using System.Globalization;
using System.Text.RegularExpressions;
using Multiplex.Tracing.Parsing;

namespace Multiplex.Tracing.Lanes;

/// <summary>How descriptors are passed to a wait for several of them, and how it returns those that are ready.</summary>
public enum WaitSetKind
{
    /// <summary>poll(2): an array, which goes in whole with each call, and comes back whole.</summary>
    Array,

    /// <summary>select(2): three sets of bits up to the highest descriptor, which the kernel overwrites with those that are ready.</summary>
    Bits,

    /// <summary>epoll_wait(2): the kernel keeps the set, so that none goes in, and those come back that are ready.</summary>
    Kept,

    /// <summary>io_uring_enter(2): so many requests go in; completions lie in memory that strace(1) does not see.</summary>
    Ring,
}

/// <summary>A descriptor in a set.</summary>
/// <param name="Descriptor">Its number.</param>
/// <param name="Row">Of select(2), which of the sets: 0 reading, 1 writing, 2 exceptions. Otherwise 0.</param>
/// <param name="Client">The client at its other end; null of a listener, and of what the server wakes itself by.</param>
public readonly record struct WaitEntry(int Descriptor, int Row, int? Client);

/// <summary>What a wait for several descriptors is given, and what it returns.</summary>
/// <param name="Kind">How.</param>
/// <param name="Size">Of select(2), nfds: how many bits each set has; of io_uring_enter(2), how many requests go in; otherwise how many descriptors.</param>
/// <param name="Given">The set: of epoll_wait(2), as the kernel keeps it.</param>
public sealed partial record WaitSet(WaitSetKind Kind, int Size, IReadOnlyList<WaitEntry> Given)
{
    private static readonly Regex[] s_rows = [ReadingResult(), WritingResult(), ExceptionResult()];

    /// <summary>Those that are ready, as far as the call tells.</summary>
    public IReadOnlyList<WaitEntry> Ready { get; init; } = [];

    /// <summary>The set that a call is given when it begins.</summary>
    /// <param name="call">The call.</param>
    /// <param name="interest">Of epoll_wait(2), the descriptors that the kernel keeps.</param>
    /// <param name="clientOf">The client at the other end of a descriptor.</param>
    internal static WaitSet At(TracedCall call, IEnumerable<int> interest, Func<int, int?> clientOf)
    {
        string arguments = Descriptors.Numbers(call.Arguments);
        WaitEntry[] given = KindOf(call.Name) switch
        {
            WaitSetKind.Array => [.. InPoll().Matches(arguments).Select(match => Entry(match, 0))],
            WaitSetKind.Bits => [.. InSelect().Matches(arguments).Take(3).SelectMany((match, row) => Bits(match, row))],
            WaitSetKind.Kept => [.. interest.Order().Select(one => new WaitEntry(one, 0, clientOf(one)))],
            _ => [],
        };
        return new(KindOf(call.Name), KindOf(call.Name) switch
        {
            WaitSetKind.Bits => Number(arguments, 0),
            WaitSetKind.Ring => Number(arguments, 1),
            _ => given.Length,
        }, given);

        WaitEntry Entry(Match match, int row)
        {
            int number = int.Parse(match.Groups["fd"].ValueSpan, CultureInfo.InvariantCulture);
            return new(number, row, clientOf(number));
        }

        IEnumerable<WaitEntry> Bits(Match set, int row) => Digits().Matches(set.Value).Select(match => Entry(match, row));
    }

    /// <summary>With what the call has returned.</summary>
    internal WaitSet After(TracedCall call)
    {
        string result = Descriptors.Numbers(call.Result);
        return this with
        {
            Ready = Kind switch
            {
                WaitSetKind.Array => [.. Given.Where(one => InPoll().Matches(result).Any(match => match.Groups["fd"].Value == $"{one.Descriptor}"))],
                WaitSetKind.Bits => [.. Given.Where(one => s_rows[one.Row].Match(result).Groups["set"].Value.Split(' ').Contains($"{one.Descriptor}"))],
                WaitSetKind.Kept => [.. InEpoll().Matches(call.Arguments).Select(match => Find(match.Groups["fd"].Value))],
                _ => [],
            },
        };
    }

    // A server may store other data than the descriptor in epoll_event: then the descriptor is not known.
    private WaitEntry Find(string data) => Given.FirstOrDefault(one => $"{one.Descriptor}" == data, new(-1, 0, null));

    private static WaitSetKind KindOf(string name) => name switch
    {
        "poll" or "ppoll" => WaitSetKind.Array,
        "select" or "pselect6" or "_newselect" => WaitSetKind.Bits,
        _ => Waits.IsRing(name) ? WaitSetKind.Ring : WaitSetKind.Kept,
    };

    private static int Number(string arguments, int index) =>
        arguments.Split(", ").ElementAtOrDefault(index) is { } word && int.TryParse(word, CultureInfo.InvariantCulture, out int number) ? number : 0;

    [GeneratedRegex(@"\bfd=(?<fd>\d+)")]
    private static partial Regex InPoll();

    [GeneratedRegex(@"\[[\d ]*\]|\bNULL\b|~\[\]")]
    private static partial Regex InSelect();

    [GeneratedRegex(@"(?<fd>\d+)")]
    private static partial Regex Digits();

    [GeneratedRegex(@"\bu32=(?<fd>\d+)")]
    private static partial Regex InEpoll();

    [GeneratedRegex(@"\bin \[(?<set>[\d ]*)\]")]
    private static partial Regex ReadingResult();

    [GeneratedRegex(@"\bout \[(?<set>[\d ]*)\]")]
    private static partial Regex WritingResult();

    [GeneratedRegex(@"\bexc(ept)? \[(?<set>[\d ]*)\]")]
    private static partial Regex ExceptionResult();
}
