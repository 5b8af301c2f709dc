namespace Multiplex.Load.Comparison.Stacks;

/// <summary>The sampled stacks of a server.</summary>
/// <param name="Root">All samples; below each function are the functions that it called.</param>
/// <param name="Incomplete">Samples whose outermost callers are not known.</param>
/// <param name="Lost">Samples that were dropped for want of room.</param>
public sealed record FlameGraph(FlameFrame Root, long Incomplete, long Lost)
{
    private const double MostIncomplete = 0.5;

    /// <summary>Whether the kernel's functions were sampled too.</summary>
    public bool HasKernel { get; init; } = true;

    /// <summary>Why nothing was sampled; null when it was.</summary>
    public string? Problem { get; init; }

    /// <summary>Why the graph would be empty; null when it is not.</summary>
    public string? WhyNot =>
        Problem is not null ? Problem
        : Root.Samples == 0 ? "none of its threads ran while it was sampled"
        : Incomplete > MostIncomplete * Root.Samples ? $"the callers in {100 * Incomplete / Root.Samples}% of the samples are not known: the program has neither call frame information (.eh_frame) nor frame pointers"
        : null;

    /// <summary>The part of the samples that are in the kernel, 0 to 1.</summary>
    public double KernelShare => Root.Samples == 0 ? 0 : (double)Root.InKernel / Root.Samples;
}

/// <summary>The owner of a function's code.</summary>
public enum FrameKind
{
    /// <summary>The program's own.</summary>
    Program,

    /// <summary>A library's, or code of no file.</summary>
    Library,

    /// <summary>The kernel's.</summary>
    Kernel,
}

/// <summary>A function, called from those above it.</summary>
/// <param name="name">Its name.</param>
/// <param name="kind">The owner of its code.</param>
public sealed class FlameFrame(string name, FrameKind kind)
{
    private readonly Dictionary<(string, FrameKind), FlameFrame> _called = [];

    /// <summary>Its name.</summary>
    public string Name => name;

    /// <summary>The owner of its code.</summary>
    public FrameKind Kind => kind;

    /// <summary>Samples in which it, or a function that it called, ran.</summary>
    public long Samples { get; private set; }

    /// <summary>The samples in the kernel among them.</summary>
    public long InKernel { get; private set; }

    /// <summary>The functions that it called, the most frequent first.</summary>
    public IEnumerable<FlameFrame> Called => _called.Values.OrderByDescending(frame => frame.Samples);

    /// <summary>Adds a sample.</summary>
    /// <param name="frames">The functions from the outermost to the one that ran.</param>
    internal void Add(ReadOnlySpan<(string Name, FrameKind Kind)> frames)
    {
        bool inKernel = frames is [.., (_, FrameKind.Kernel)];
        FlameFrame at = this;
        at.Count(inKernel);
        foreach ((string, FrameKind) frame in frames)
        {
            if (!at._called.TryGetValue(frame, out FlameFrame? called))
                at._called[frame] = called = new(frame.Item1, frame.Item2);
            at = called;
            at.Count(inKernel);
        }
    }

    private void Count(bool inKernel)
    {
        Samples++;
        InKernel += inKernel ? 1 : 0;
    }
}
