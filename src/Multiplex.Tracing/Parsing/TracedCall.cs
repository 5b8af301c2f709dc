namespace Multiplex.Tracing.Parsing;

/// <summary>What a line of strace(1) tells of.</summary>
public enum TracedKind
{
    /// <summary>A system call.</summary>
    Call,

    /// <summary>A signal that the thread took.</summary>
    Signal,

    /// <summary>The thread's end.</summary>
    Exit,
}

/// <summary>A system call as strace(1) shows it; or a signal, or the end of a thread.</summary>
public sealed record TracedCall
{
    /// <summary>What it is.</summary>
    public TracedKind Kind { get; init; }

    /// <summary>The thread that made it: gettid(2).</summary>
    public required int Thread { get; init; }

    /// <summary>When it began, in microseconds since 1970.</summary>
    public required long Start { get; init; }

    /// <summary>How long it took, in microseconds; null when the recording ended before it did.</summary>
    public long? Duration { get; init; }

    /// <summary>The call's name; the signal's, such as SIGCHLD; or how the thread ended, such as "exited with 0".</summary>
    public required string Name { get; init; }

    /// <summary>The arguments, between the parentheses. Of a signal, what is known of it.</summary>
    public string Arguments { get; init; } = "";

    /// <summary>What it returned: <c>44</c>, <c>-1 EAGAIN (Resource temporarily unavailable)</c>; empty when it has not returned.</summary>
    public string Result { get; init; } = "";

    /// <summary>When it ended; null when the recording ended before it did.</summary>
    public long? End => Start + Duration;

    /// <summary>The number that it returned; null when it returned none.</summary>
    public long? Value
    {
        get
        {
            int digits = Result.StartsWith('-') ? 1 : 0;
            while (digits < Result.Length && char.IsAsciiDigit(Result[digits]))
                digits++;
            return long.TryParse(Result.AsSpan(0, digits), out long value) ? value : null;
        }
    }

    /// <summary>The name of the errno, such as EAGAIN; null when it did not fail.</summary>
    public string? Error => Result.StartsWith("-1 E", StringComparison.Ordinal) ? Result.Split(' ')[1] : null;
}
