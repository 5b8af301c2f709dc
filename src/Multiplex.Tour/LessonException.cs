namespace Multiplex.Tour;

/// <summary>A call did not return what the lesson expects: this machine differs, or the lesson is wrong.</summary>
/// <param name="message">The call, its result, and what the lesson expected.</param>
public sealed class LessonException(string message) : IOException(message);
