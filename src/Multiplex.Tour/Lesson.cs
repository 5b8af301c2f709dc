using Multiplex.Tour.Tracing;

namespace Multiplex.Tour;

/// <summary>One lesson of the tour: questions, steps that make system calls, and the answers. Data and code; the caller prints it.</summary>
/// <param name="Name">The word that selects it, such as "streams".</param>
/// <param name="Title">What it is about, in one line.</param>
/// <param name="Questions">What to think about before the steps; the answers come after them.</param>
/// <param name="Steps">The steps, in order. Each stands alone: it makes the sockets that it needs.</param>
public sealed record Lesson(string Name, string Title, IReadOnlyList<Question> Questions, IReadOnlyList<Step> Steps)
{
    /// <summary>Whether it calls fork(2), which a process can do only if it was compiled ahead of time.</summary>
    public bool Forks { get; init; }

    /// <summary>Runs the lesson. Descriptors that a step leaves open are closed after the step.</summary>
    /// <param name="trace">Records what happens.</param>
    /// <exception cref="LessonException">A call did not return what the lesson expects.</exception>
    public void Run(Trace trace)
    {
        trace.Begin(this);
        foreach (Step step in Steps)
            Run(step, trace);
        trace.End(this);
    }

    /// <summary>Runs one step.</summary>
    /// <param name="step">The step.</param>
    /// <param name="trace">Records what happens.</param>
    /// <exception cref="LessonException">A call did not return what the lesson expects.</exception>
    public static void Run(Step step, Trace trace)
    {
        trace.Step(step.Title);
        try
        {
            step.Run(trace);
        }
        finally
        {
            trace.CloseAll();
        }
    }
}

/// <summary>A question that a lesson answers.</summary>
/// <param name="Text">The question.</param>
/// <param name="Answer">The answer, which the steps have shown.</param>
public sealed record Question(string Text, string Answer);

/// <summary>One step of a lesson.</summary>
/// <param name="Title">What it shows.</param>
/// <param name="Run">The calls.</param>
public sealed record Step(string Title, Action<Trace> Run);
