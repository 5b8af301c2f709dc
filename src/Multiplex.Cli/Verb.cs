namespace Multiplex.Cli;

/// <summary>What a verb's options can do once they are parsed.</summary>
internal interface IVerb
{
    /// <summary>Does it.</summary>
    /// <returns>The exit status.</returns>
    /// <exception cref="UsageException">An option's value is invalid.</exception>
    int Run();
}

/// <summary>The command was used wrongly: one line that says what is wrong, and what would be right.</summary>
internal sealed class UsageException(string message) : Exception(message)
{
    /// <summary>Throws if one of these options was given a value.</summary>
    /// <param name="why">Why it cannot be, and what would be right.</param>
    /// <param name="options">The options, each with its value; null: it was not given.</param>
    public static void ThrowIfGiven(string why, params ReadOnlySpan<(string Option, object? Value)> options)
    {
        foreach ((string option, object? value) in options)
        {
            if (value is not null)
                throw new UsageException($"{option} {value}: {why}");
        }
    }
}

/// <summary>The exit statuses.</summary>
internal static class ExitStatus
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int Usage = 2;

    /// <summary><c>load --slo</c>: an objective was missed, and nothing else went wrong.</summary>
    public const int Missed = 3;

    /// <summary>A signal ended it early; what was finished until then has been written.</summary>
    public const int Interrupted = 4;

    /// <summary><c>compare --baseline</c>: something became worse, and nothing else went wrong.</summary>
    public const int Worse = 5;
}
