namespace Multiplex.Cli;

/// <summary>A verb with its parsed options, ready to run.</summary>
internal interface IVerb
{
    /// <summary>Runs the verb.</summary>
    /// <returns>The exit status.</returns>
    /// <exception cref="UsageException">An option's value is invalid.</exception>
    int Run();
}

/// <summary>The command was used wrongly; the message is one line with the error and the correct form.</summary>
internal sealed class UsageException(string message) : Exception(message)
{
    /// <summary>Throws if one of these options was given a value.</summary>
    /// <param name="why">Why it is not allowed, and what would be.</param>
    /// <param name="options">The options, each with its value; null for one that was not given.</param>
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

    /// <summary>A signal ended it early; the results up to then have been written.</summary>
    public const int Interrupted = 4;

    /// <summary><c>compare --baseline</c>: something became worse, and nothing else went wrong.</summary>
    public const int Worse = 5;
}
