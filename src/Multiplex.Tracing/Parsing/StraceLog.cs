using System.Globalization;
using System.Text.RegularExpressions;

namespace Multiplex.Tracing.Parsing;

/// <summary>Reads what strace(1) has written with the options -f, -ttt and -T: a line a call, or two where another thread's came between.</summary>
public static partial class StraceLog
{
    private const string Unfinished = " <unfinished ...>";
    private const long MicrosecondsASecond = 1_000_000;

    /// <summary>The calls in the order in which they began.</summary>
    /// <exception cref="FormatException">A line is none of strace's.</exception>
    public static IReadOnlyList<TracedCall> Parse(IEnumerable<string> lines)
    {
        List<TracedCall> calls = [];
        Dictionary<int, int> unfinished = [];   // by thread: the index of the call that it is in
        foreach (string line in lines)
        {
            Match head = Head().Match(line);
            if (!head.Success)
                throw new FormatException($"this is no line of strace -f -ttt: {line}");
            int thread = int.Parse(head.Groups["thread"].ValueSpan, CultureInfo.InvariantCulture);
            long time = (long.Parse(head.Groups["seconds"].ValueSpan, CultureInfo.InvariantCulture) * MicrosecondsASecond)
                + long.Parse(head.Groups["micro"].ValueSpan, CultureInfo.InvariantCulture);
            string text = head.Groups["text"].Value;
            if (Special().Match(text) is { Success: true } special)
            {
                calls.Add(new()
                {
                    Kind = special.Groups["signal"].Success ? TracedKind.Signal : TracedKind.Exit,
                    Thread = thread,
                    Start = time,
                    Duration = 0,
                    Name = special.Groups["signal"].Success ? special.Groups["signal"].Value : special.Groups["end"].Value,
                    Arguments = special.Groups["about"].Value,
                });
            }
            else if (Resumed().Match(text) is { Success: true } resumed)
            {
                // The recording may have begun in the middle of a call: then there is no first half.
                if (unfinished.Remove(thread, out int index))
                    calls[index] = Finished(calls[index], calls[index].Arguments + resumed.Groups["rest"].Value);
                else
                    calls.Add(WithoutBeginning(thread, time, resumed.Groups["name"].Value, resumed.Groups["rest"].Value));
            }
            else if (Beginning().Match(text) is { Success: true } beginning)
            {
                TracedCall call = new() { Thread = thread, Start = time, Name = beginning.Groups["name"].Value };
                string rest = beginning.Groups["rest"].Value;
                if (rest.EndsWith(Unfinished, StringComparison.Ordinal))
                {
                    unfinished[thread] = calls.Count;
                    calls.Add(call with { Arguments = rest[..^Unfinished.Length] });
                }
                else
                {
                    calls.Add(Finished(call, rest));
                }
            }
            else
            {
                throw new FormatException($"this is no line of strace -f -ttt: {line}");
            }
        }

        // A thread's end comes when it has gone; a call that another thread began meanwhile may have a line before it.
        return [.. calls.OrderBy(call => call.Start)];
    }

    private static TracedCall WithoutBeginning(int thread, long end, string name, string rest)
    {
        TracedCall call = Finished(new() { Thread = thread, Start = end, Name = name }, rest);
        return call with { Start = end - (call.Duration ?? 0) };
    }

    // Arguments, ")", spaces, "= ", the result and the time that it took: "6<…>, 3, -1) = 1 ([…]) <0.000022>".
    private static TracedCall Finished(TracedCall call, string text)
    {
        Match end = Ending().Match(text);
        if (!end.Success)
            return call with { Arguments = text.Replace(Unfinished, "", StringComparison.Ordinal) };
        Group took = end.Groups["took"];
        return call with
        {
            Arguments = end.Groups["arguments"].Value.Replace(Unfinished, "", StringComparison.Ordinal),
            Result = end.Groups["result"].Value,
            Duration = took.Success ? (long)Math.Round(double.Parse(took.ValueSpan, CultureInfo.InvariantCulture) * MicrosecondsASecond) : null,
        };
    }

    [GeneratedRegex(@"^(?<thread>\d+) +(?<seconds>\d+)\.(?<micro>\d{6}) (?<text>.*)$")]
    private static partial Regex Head();

    [GeneratedRegex(@"^(--- (?<signal>\w+) (?<about>.*) ---|\+\+\+ (?<end>.*) \+\+\+)$")]
    private static partial Regex Special();

    [GeneratedRegex(@"^<\.\.\. (?<name>\w+) resumed>(?<rest>.*)$")]
    private static partial Regex Resumed();

    [GeneratedRegex(@"^(?<name>\w+)\((?<rest>.*)$")]
    private static partial Regex Beginning();

    // The last ") = ": what a string in the arguments holds comes before it.
    [GeneratedRegex(@"^(?<arguments>.*)\) += (?<result>.*?)( <(?<took>\d+\.\d+)>)?$")]
    private static partial Regex Ending();
}
