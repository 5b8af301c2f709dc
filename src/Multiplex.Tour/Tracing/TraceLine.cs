using Multiplex.Interop;

namespace Multiplex.Tour.Tracing;

/// <summary>What a line of a lesson is.</summary>
public enum LineKind
{
    /// <summary>The lesson's title.</summary>
    Title,

    /// <summary>A question, before the steps.</summary>
    Question,

    /// <summary>The title of a step.</summary>
    Step,

    /// <summary>A sentence that explains.</summary>
    Prose,

    /// <summary>A system call and what it returned.</summary>
    Call,

    /// <summary>What an error that was expected means here.</summary>
    Meaning,

    /// <summary>Data to look at that is not a call: bytes of a message, a row of a table.</summary>
    Exhibit,

    /// <summary>An answer, after the steps.</summary>
    Answer,
}

/// <summary>One line of a lesson.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">The line; of any length.</param>
public sealed record TraceLine(LineKind Kind, string Text)
{
    /// <summary>For a call: its name, such as "bind"; otherwise empty.</summary>
    public string Call { get; init; } = "";

    /// <summary>For a call: what it returned.</summary>
    public SyscallResult Result { get; init; }

    /// <summary>For a call that received or sent bytes: those bytes; their number is the result.</summary>
    public byte[] Data { get; init; } = [];

    /// <summary>For a call of another process or thread: the name of that process or thread; otherwise empty.</summary>
    public string By { get; init; } = "";
}

/// <summary>The error that a call is expected to fail with.</summary>
/// <param name="Errno">The errno.</param>
/// <param name="Meaning">What it means here, in a sentence without a full stop.</param>
public sealed record Fails(int Errno, string Meaning);
