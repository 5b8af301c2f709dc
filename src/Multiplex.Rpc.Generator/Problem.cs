using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator;

/// <summary>What is wrong with a source.</summary>
internal enum ProblemKind
{
    /// <summary>It does not follow the grammar.</summary>
    Syntax,

    /// <summary>A name is used that nothing defines.</summary>
    Unknown,

    /// <summary>A name or a number is used twice.</summary>
    Duplicate,

    /// <summary>Data are bounded by the longest record alone. For information.</summary>
    Unbounded,

    /// <summary>There is no way to express it.</summary>
    Unsupported,
}

/// <summary>One of them, with its place.</summary>
internal sealed record Problem(ProblemKind Kind, Position Position, string Message)
{
    public bool IsError => Kind != ProblemKind.Unbounded;

    /// <summary>As compilers say it.</summary>
    public override string ToString() => $"{Position.File}:{Position.Line}: {Message}";
}

/// <summary>All of them, in the order in which they were found.</summary>
internal sealed class ProblemList : List<Problem>
{
    public void Report(ProblemKind kind, Position position, string message) => Add(new(kind, position, message));
}

/// <summary>The source does not follow the grammar at this place.</summary>
internal sealed class SyntaxException(Position position, string message) : Exception(message)
{
    public Position Position { get; } = position;

    /// <summary>Whether it stands among the problems already.</summary>
    public bool IsReported { get; set; }
}
