namespace Multiplex.Check;

/// <summary>One property of a sound concurrent server, as its clients see it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Tried">What the clients do.</param>
/// <param name="Word">The course's words for what a server needs so that it holds.</param>
/// <param name="Lesson">The lessons of <c>multiplex tour</c> on these words.</param>
/// <param name="Run">Makes the check, and returns what was seen; a <see cref="ServerFaultException"/> where it does not hold.</param>
public sealed record ServerCheck(string Name, string Tried, string Word, string Lesson, Func<ServerUnderCheck, string> Run)
{
    /// <summary>The check that must hold for this one to be made; otherwise it is skipped. "echo" by default, and null of "echo" itself.</summary>
    public string? Needs { get; init; } = "echo";

    /// <summary>What it must know of the server beside the endpoint.</summary>
    public Access Access { get; init; }

    /// <summary>Why it cannot be made with these options; null when it can.</summary>
    public string? CannotBeMade { get; init; }
}

/// <summary>What a check must know of the server beside its endpoint.</summary>
public enum Access
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Its process.</summary>
    Process,

    /// <summary>How it is started.</summary>
    Command,
}
